"""What follows from a file: checks, pricing and adjudication over whole columns."""

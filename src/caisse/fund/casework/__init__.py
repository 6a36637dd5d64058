"""Cases: what applicants and providers ask of the fund, from the first page to the decision."""

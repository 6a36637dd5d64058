"""Every write of casework, by what it is about: one named function, one transaction, one audit event."""

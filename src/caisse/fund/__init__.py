"""The other party: the fund's server."""

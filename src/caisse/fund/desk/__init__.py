"""The desk: the pages of the fund's staff. No models of its own; what it does are actions of other rooms."""

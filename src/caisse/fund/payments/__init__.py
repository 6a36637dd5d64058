"""What the fund owes and pays: payment groups, balances of providers, credit-transfer orders."""

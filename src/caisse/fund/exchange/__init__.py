"""Accounts, mailboxes, deposits, deliveries, receipts. Knows bytes and names, never content."""

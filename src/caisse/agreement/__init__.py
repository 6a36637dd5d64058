"""What both parties signed: identifiers, file layouts, published tables and rules. Pure."""

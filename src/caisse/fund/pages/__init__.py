"""What every page shares: the shell, forms, errors, languages, and the way in."""

"""Caisse: the platform on which a health-insurance fund and its care providers work with each other."""

"""Mail that leaves and mail that arrives; the newsletter."""

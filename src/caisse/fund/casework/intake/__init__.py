"""Applications by mail: the door mail servers hand them to, what is in them, and the answer."""

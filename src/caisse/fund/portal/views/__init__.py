"""The portal's pages, by what a visitor is about."""

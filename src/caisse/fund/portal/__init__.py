"""The pages of applicants and providers. It has no tables: it calls the rooms' actions and queries."""

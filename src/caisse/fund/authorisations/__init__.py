"""The register of granted authorisations: what they cover, from when and until when, and how they ended."""

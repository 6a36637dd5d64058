"""Documents of cases: judged by their content, scanned, shown page by page, kept unchanged."""

"""Is the rule right? Readable cases, run on the pure rules and through the server; docs/rules.md is printed from them."""

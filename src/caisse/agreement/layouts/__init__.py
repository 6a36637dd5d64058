"""How a file is written: names, schemas, reading and writing, driven by layout cards."""

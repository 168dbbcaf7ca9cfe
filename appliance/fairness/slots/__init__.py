"""How many requests an engine bears."""

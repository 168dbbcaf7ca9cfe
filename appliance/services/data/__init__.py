"""The company's tables: who may ask them, what was chosen of them, what ran and what it brought."""

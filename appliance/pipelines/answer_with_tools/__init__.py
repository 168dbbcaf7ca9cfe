"""A model that calls tools, our own and those of others that were let in, before it answers."""

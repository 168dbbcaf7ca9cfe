"""The way to Valkey, and whether it is there."""

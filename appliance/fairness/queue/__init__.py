"""The token-fair queue: its rules in Python, the same in Valkey, and the way there."""

"""The contract suite of the engine table."""

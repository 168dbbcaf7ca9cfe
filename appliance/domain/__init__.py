"""The nouns that every room of the appliance shares. Values only; no I/O, no clock."""

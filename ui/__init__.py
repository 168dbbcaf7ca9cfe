"""The page: a client of the public HTTP API like any other."""

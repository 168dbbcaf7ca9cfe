"""Circuit breakers that all gateway processes share: kept in Valkey, in a shadow of each process's own without it."""

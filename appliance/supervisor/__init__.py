"""Programs that run beside us on one box: PostgreSQL, Valkey, and our own processes."""

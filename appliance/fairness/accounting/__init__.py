"""What was asked and what it used: rows in PostgreSQL, or in a spool while it is away."""

"""Suites that every row of a table has to pass."""

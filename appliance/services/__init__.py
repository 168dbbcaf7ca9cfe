"""Use cases: what people and scripts can have done, whichever door they came through."""

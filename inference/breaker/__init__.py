"""When an engine is asked no more, and how it is found to be well again: a circuit breaker per engine and model."""

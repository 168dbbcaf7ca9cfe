"""Which of the models that people want is in memory: the rules of loading, draining, swapping and eviction. Pure."""

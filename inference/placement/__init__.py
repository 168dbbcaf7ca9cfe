"""Which model fits on which machine, with how much context for how many people. Pure rules."""

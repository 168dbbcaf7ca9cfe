"""The fair queue before a modelled engine, in simulated time: no clock, no processes, a seed."""

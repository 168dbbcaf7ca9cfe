"""Parts of `scripts/bench_gateway.py`: modelled engine, load generator, targets, measurements, tables."""

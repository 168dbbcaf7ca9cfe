"""The process that starts, watches, swaps and stops the engines of started models, and the gateways' line to it."""

"""Attacks that an ordinary account, or somebody who reached one layer, may try."""

"""Tests of the processes that run beside us."""

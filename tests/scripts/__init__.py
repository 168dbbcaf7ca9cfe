"""Tests of the hand tools in scripts/."""

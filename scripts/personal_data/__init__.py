"""Texts with personal data that nobody has, to measure the detector with."""

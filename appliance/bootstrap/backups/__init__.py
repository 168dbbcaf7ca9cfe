"""Joins what makes, checks, restores and repeats backups of a box. Blocking code, for processes of their own."""

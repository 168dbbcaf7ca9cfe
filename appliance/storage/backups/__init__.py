"""Backups: what one is made of, how it is read again, and which are kept. Blocking code, for processes of their own."""

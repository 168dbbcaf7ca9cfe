"""Canaries: made-up people with made-up secrets, and every way by which one of them might reach another's."""

"""Whose turn it is: slots, the queue, leases, and the ledger of what was used."""

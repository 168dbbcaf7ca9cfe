"""SQL that nobody trusts, taken apart and written anew: one statement that reads what may be read, or a refusal."""

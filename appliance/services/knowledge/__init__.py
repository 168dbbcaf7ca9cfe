"""Files, the collections they are in, reading them, and finding passages in them."""

"""What failed, whether another engine may try, how long to wait for a first token. Rules: no clock, no network."""

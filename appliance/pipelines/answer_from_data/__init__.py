"""From a question to SQL, from its rows to an answer that states no number which does not stand in them."""

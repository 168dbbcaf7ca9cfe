"""From SQL that nobody trusts to the rows it reads. Knows no users, no questions and no routes."""

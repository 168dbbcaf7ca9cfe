"""What operators decided: shares, limits and budgets."""

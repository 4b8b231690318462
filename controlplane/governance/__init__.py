"""Money and lifetime: prices, costs, budgets, expiries."""

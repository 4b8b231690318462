"""Budgets, expiry, packages and the fleet's compliance. Nothing is built here yet."""

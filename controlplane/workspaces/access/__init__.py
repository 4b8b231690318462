"""Who may use what: personas, the matrix of their roles, what is wanted, what is effective. Pure."""

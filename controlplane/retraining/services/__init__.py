"""What may be asked about models: the flows behind the routes, authorised by the table."""

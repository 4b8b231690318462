"""What Azure charges: usage that follows from what exists and how long, its prices, and what Cost Management tells."""

"""Machine learning jobs."""

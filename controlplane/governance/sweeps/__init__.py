"""Passes over the fleet that find who might be idle or past its end; whoever is found looks for itself."""

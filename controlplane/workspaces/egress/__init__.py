"""What leaves a managed network: which hosts a catalog and its packages need, the rules for them, their price. Pure."""

"""Every hook of the simulator is one that the product would miss: with it switched off, a product test is red."""

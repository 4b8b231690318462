"""Commands around the product: the walk through the main job, the proof of a requirement."""

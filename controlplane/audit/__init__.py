"""What was done, by whom, with what result: one hash chain per object, anchored by checkpoints (docs/audit.md)."""

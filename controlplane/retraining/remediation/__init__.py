"""What is done about what serves a model: one bounded, reversible step, or a task for people."""

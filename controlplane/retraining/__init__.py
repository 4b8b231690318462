"""Signals, the policy's decision about them, and the run that follows. Nothing is built here yet."""

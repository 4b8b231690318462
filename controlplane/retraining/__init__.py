"""Signals → policy decision → retraining run. Pure: no SDK, no clock; time is passed in (docs/retraining.md)."""

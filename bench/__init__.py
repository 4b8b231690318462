"""The numbers: each a ratio or a count within one run, because machines are shared and noisy."""

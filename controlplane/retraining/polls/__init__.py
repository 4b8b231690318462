"""The sweep of the fleet for what events cannot say: metrics, logs, runs of monitors."""

"""What every object with a state machine shares: its rows, the lease of the tick that works on it, and the tick."""

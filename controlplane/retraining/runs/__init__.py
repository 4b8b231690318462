"""One retraining: its states, what it submits, how its challenger is judged."""

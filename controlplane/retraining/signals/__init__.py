"""What events, alerts, polls and people say, made into one ``Signal``."""

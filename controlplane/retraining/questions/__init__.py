"""What a decision asks, one function to a question; each answers with a sentence. Pure."""

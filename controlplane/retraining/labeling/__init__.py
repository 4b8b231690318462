"""Labelling projects: the extra step of a CV or NLP set-up, as what is asked for and what stands in Azure."""

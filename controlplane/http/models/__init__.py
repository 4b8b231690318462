"""The bodies of the API, for the OpenAPI document. ``views.py`` builds them; a test holds the two together."""

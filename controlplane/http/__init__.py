"""The REST API: a FastAPI app that knows tokens, headers and bodies, and hands everything else to the domain."""

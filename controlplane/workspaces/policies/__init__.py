"""Azure Policy as it bears on what a workspace asks for: what is assigned, and what of it denies a resource. Pure."""

"""The flows behind ``/api/workspaces``: what a request may do, what it means in Azure, and what is stored of it."""

"""What a workspace's monitors mean in Azure, and what they need first."""

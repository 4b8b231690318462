"""The control plane: secured Azure Machine Learning workspaces, planned, created, validated and repaired."""

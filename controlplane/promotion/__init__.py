"""Gates, approvals and rollouts of models behind secure endpoints. Nothing is built here yet."""

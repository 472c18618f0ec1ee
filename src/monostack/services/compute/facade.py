"""What other services may call of the compute service."""

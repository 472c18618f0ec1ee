"""What other services may call of the placement service."""

"""What other services may call of the volume service."""

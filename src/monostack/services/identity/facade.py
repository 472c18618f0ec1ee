"""What other services may call of the identity service."""

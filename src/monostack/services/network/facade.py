"""What other services may call of the network service."""

"""What other services may call of the image service."""

"""What the image service does in the background."""

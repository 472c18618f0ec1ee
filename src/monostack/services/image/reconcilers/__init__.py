"""What keeps the image store as the database wants it."""

"""What the identity service puts right by itself."""

"""Groups of users, which roles may be assigned to."""

"""Credentials: secrets of users for other systems, such as EC2 keys. They are encrypted in the database."""

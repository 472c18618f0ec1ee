"""Volumes: from the request to make one to its end."""

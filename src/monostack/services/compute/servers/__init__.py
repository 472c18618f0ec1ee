"""Servers: their states, what is shown of them, and all that can be asked of them."""

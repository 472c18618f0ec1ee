"""Routers: what connects networks with each other and with the outside."""

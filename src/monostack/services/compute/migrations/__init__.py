"""Migrations: a server on its way to another size or another host. Each keeps what is needed to take it back."""

"""Inventories: how much of a resource class a provider has."""

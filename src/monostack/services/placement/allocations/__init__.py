"""Allocations: what a consumer holds of inventories."""

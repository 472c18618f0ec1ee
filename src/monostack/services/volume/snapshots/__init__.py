"""Snapshots: a volume as it was at one moment."""

"""Transfers: giving a volume to another project, which takes it with a key."""

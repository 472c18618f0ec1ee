"""Trusts (OS-TRUST): a user lets another one act with some of its roles in a project."""

"""Backups: copies of volumes and snapshots that outlive them, kept by hosts beside their volumes."""

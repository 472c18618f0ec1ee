"""Volume groups: volumes that are snapshotted, copied and deleted together; their types and their snapshots."""

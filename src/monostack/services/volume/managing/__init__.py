"""Taking files that a host has already as volumes and snapshots, and giving them up again."""

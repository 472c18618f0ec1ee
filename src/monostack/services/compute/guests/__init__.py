"""What hosts are told of servers: the guest to run, and what it may read of itself."""

"""Resource providers: whatever has resources to give; a tree of them shares a root."""

"""What a project may use of block storage, and what it uses, counted from its rows."""

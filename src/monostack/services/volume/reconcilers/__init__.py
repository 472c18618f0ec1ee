"""What keeps the records of block storage and the hosts' files in agreement, one purpose a file."""

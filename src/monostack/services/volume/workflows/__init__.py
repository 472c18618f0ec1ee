"""What happens to volumes over time, one verb a file."""

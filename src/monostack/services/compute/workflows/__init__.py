"""What is done to servers, one verb a file."""

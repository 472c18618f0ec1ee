"""What keeps hosts and guests as the database wants them."""

"""What is observed of a network, as values."""

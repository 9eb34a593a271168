"""What a test holds in its hands."""

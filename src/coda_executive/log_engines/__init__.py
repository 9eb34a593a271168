"""Turn what nodes write into events, wherever the infrastructure keeps it."""

"""The archive: every block that nodes' frontiers add, as rows of a database (daemon contract G)."""

"""SNARK work: what is owed, who does it, what it costs (daemon contract H)."""

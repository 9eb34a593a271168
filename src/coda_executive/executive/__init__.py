"""Runs one test: phases, signals, outcome, run directory."""

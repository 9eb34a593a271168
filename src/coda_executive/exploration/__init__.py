"""Searching for failures: many seeds of one test with drawn faults, and the smallest case of each failure."""

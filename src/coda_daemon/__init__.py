"""The reference daemon: a compact Coda-compatible node with the external contract of the real one."""

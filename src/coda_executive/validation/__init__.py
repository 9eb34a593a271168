"""Validators: invariants of the protocol, recomputed from what was observed and nothing else. Pure."""

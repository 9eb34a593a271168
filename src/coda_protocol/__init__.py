"""Words that the executive and the daemon share: formats, units, names. Pure; no I/O, no rule of the protocol."""

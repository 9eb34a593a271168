"""Where runs go when nobody says so. A module of its own: command lines that only look for a run import no more."""

DEFAULT_PARENT = "runs"  # below the current directory

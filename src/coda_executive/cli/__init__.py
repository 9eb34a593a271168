"""The command line. Every command is imported when it is called, so `--help` answers at once."""

import sys


def main() -> None:
    """Entry point of `coda-executive`; exits with the codes of `executive.outcome`."""
    from coda_executive.cli.main import run_cli

    sys.exit(run_cli(sys.argv[1:]))

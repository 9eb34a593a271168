"""`python -m coda_executive` is the command `coda-executive`."""

from coda_executive.cli import main

main()

"""What a run prints, to readers that may leave before it ends (`… | head`)."""

import os
import sys

import click


def tell(text: str, *, err: bool = False) -> None:
    """Print a line. When the reader is gone, this and all that follows on that stream is dropped: a run's
    verdict, evidence and exit code do not depend on who reads along.
    """
    try:
        click.echo(text, err=err)
    except BrokenPipeError:
        stream = sys.stderr if err else sys.stdout
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())  # also what is still buffered goes there
        os.close(nowhere)

"""Which build of the reference daemon this is."""

from functools import cache
from hashlib import sha1

VERSION = "0.1.0"  # of the distribution; reading its metadata would cost a tenth of a node's start
BRANCH = "reference"


@cache
def commit() -> str:
    """Forty hex digits in place of a commit, which clients show: an installed copy knows no more than its
    version.
    """
    return sha1(f"coda-executive {VERSION}".encode(), usedforsecurity=False).hexdigest()


def version_text() -> str:
    """What `coda version` prints (daemon contract A.1)."""
    return f"Commit {commit()} on branch {BRANCH}"

"""What a run was made of: its Python, and digests of its test's file and of this program. A repetition that differs is
told by them why it may.
"""

import hashlib
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

from coda_executive.executive.integration_test import IntegrationTest
from coda_executive.executive.run_directory import RunDescription

PROGRAM = "Coda Executive"
_PACKAGES = Path(__file__).parents[2]  # where ours is, and beside it the daemon's and what they share


def sources_of(test: IntegrationTest) -> Mapping[str, str]:
    """Digests by name: this program, and the test's file where it is not part of it."""
    digests = {PROGRAM: _program()}
    code = getattr(test.body, "__code__", None)  # a body may be any callable that says where it is
    path = None if code is None else Path(code.co_filename).resolve()
    if path is not None and not path.is_relative_to(_PACKAGES.resolve() / "coda_executive"):
        digests[path.name] = _digest((path,))
    return digests


def changes(original: RunDescription, repeated: RunDescription) -> tuple[str, ...]:
    """What has changed between two runs, each as a sentence. Of runs of before little is known."""
    told: list[str] = []
    if original.python != repeated.python:
        told.append(f"the original was made by Python {original.python}, the repetition by {repeated.python}")
    if original.version != repeated.version:
        told.append(f"{PROGRAM} was {original.version}, and is {repeated.version}")
    told += [
        f"{name} has changed since the original was made"
        for name, digest in repeated.sources.items()
        if original.sources.get(name, digest) != digest
    ]
    return tuple(told)


def has_other_steps(original: RunDescription, repeated: RunDescription) -> bool:
    """Whether the steps of the two cannot be the same: they are for one minor version of Python only."""
    one, other = (run.python.split(".")[:2] for run in (original, repeated))
    return one != other


@cache
def _program() -> str:
    return _digest(sorted(_PACKAGES.glob("coda_*/**/*.py")))


def _digest(paths: Iterable[Path]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for path in paths:
        try:
            digest.update(path.read_bytes())
        except OSError:
            continue  # it was there when it was imported: that it is gone is no matter of this run
        digest.update(b"\0")
    return digest.hexdigest()

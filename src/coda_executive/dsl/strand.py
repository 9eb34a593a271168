"""Which line of a test's work runs now: its body, or one of the tasks beside it.

Each has its own place in the history, where its next wait begins, and its own path of sections. A task starts
from where its body was.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from coda_executive.observation.router import Cursor


@dataclass(slots=True)
class Strand:
    path: tuple[str, ...] = ()
    cursor: Cursor | None = None  # None until the first wait was satisfied: where the run began


_task: ContextVar[Strand | None] = ContextVar("strand", default=None)


class Strands:
    """The strands of one run. What no task does, such as judging log lines, belongs to the body."""

    def __init__(self) -> None:
        self._body = Strand()

    @property
    def current(self) -> Strand:
        return _task.get() or self._body

    def branch(self, name: str) -> AbstractContextManager[None]:
        """What makes what runs inside, in an asyncio task of its own, a strand of that name. It begins where the
        strand that asks is now, however late it is entered.
        """
        parent = self.current
        return _entered(Strand((*parent.path, name), parent.cursor))


@contextmanager
def _entered(strand: Strand) -> Iterator[None]:
    token = _task.set(strand)
    try:
        yield
    finally:
        _task.reset(token)

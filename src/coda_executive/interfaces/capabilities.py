"""Abilities that only some engines give their nodes. A test names those it needs and is skipped, with the
reason, without them.
"""

from typing import Protocol, runtime_checkable


@runtime_checkable
class Killable(Protocol):
    """A node whose process can be ended without warning."""

    async def kill(self) -> None:
        """End the process as a power cut would; return once it is gone. Does nothing if it is stopped."""


@runtime_checkable
class Pausable(Protocol):
    """A node whose process can be frozen and thawed."""

    async def pause(self) -> None: ...

    async def resume(self) -> None: ...

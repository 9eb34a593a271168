"""What a node tells its subscribers at once: blocks, reorganizations, changes of its sync status."""

from collections.abc import Callable
from dataclasses import dataclass

from coda_daemon.blocks import Block
from coda_daemon.sync_status import SyncStatus


@dataclass(frozen=True, slots=True)
class SyncChanged:
    """The node's sync status is another one now."""

    status: SyncStatus


@dataclass(frozen=True, slots=True)
class BlockAdded:
    """A valid block is new in the frontier, on the best chain or beside it."""

    block: Block


@dataclass(frozen=True, slots=True)
class Reorganized:
    """The best tip changed to one that does not extend the old one."""


Announcement = SyncChanged | BlockAdded | Reorganized


class Announcements:
    """Tells whoever listens. A listener must neither raise nor wait."""

    def __init__(self) -> None:
        self._listeners: dict[Callable[[Announcement], None], None] = {}

    def listen(self, listener: Callable[[Announcement], None]) -> Callable[[], None]:
        """Have each announcement from now on; what is returned ends that."""
        self._listeners[listener] = None
        return lambda: self._listeners.pop(listener, None)

    def tell_block(self, block: Block, *, is_reorganization: bool) -> None:
        """A block was added, which changed the best tip to one that does not extend the old one, if so."""
        if not self._listeners:
            return
        self.tell(BlockAdded(block))
        if is_reorganization:
            self.tell(Reorganized())

    def tell(self, announcement: Announcement) -> None:
        for listener in tuple(self._listeners):
            listener(announcement)

"""All that the daemon needs from outside, as structural protocols.

Two hosts implement them: the operating system (`coda_daemon.process`) and the executive's simulation, which
finds the daemon by entry point and never imports this module. So the protocols use built-in types and each
other only. The daemon reads no clock, draws no chance, opens no socket or file except through these.
"""

from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from random import Random
from typing import Any, Protocol

from coda_protocol.log_message import EncodedLine


class Clock(Protocol):
    """Wall time. Waiting is the event loop's (`asyncio.sleep`); an instant to wait for is computed from here."""

    def time_ns(self) -> int:
        """Nanoseconds since the Unix epoch, with this node's skew and drift in it."""


class Chance(Protocol):
    """Randomness by named streams: two labels never share one, so a new draw disturbs no other."""

    def stream(self, label: str) -> Random: ...

    def token_bytes(self, size: int) -> bytes:
        """Bytes fit for keys and nonces on a real host, repeatable by seed in the simulation."""


class Connection(Protocol):
    """An ordered, reliable channel of whole frames between two peers."""

    @property
    def remote_host(self) -> str: ...

    async def send(self, frame: bytes) -> None:
        """Hand a frame over; waits while the peer reads too slowly. Raises ConnectionError once the channel
        is closed.
        """

    def offer(self, frame: bytes) -> bool:
        """Hand a frame over if that needs no waiting, and tell whether it was. Raises as `send`.

        Frames keep their order as long as none is offered while another waits in `send`.
        """

    async def receive(self, limit: int = ...) -> bytes | None:
        """The next frame, or None after the peer or we closed. Raises ConnectionAbortedError on a frame of over
        `limit` bytes (32 MiB), and may do so before the frame is there.
        """

    async def deliver(self, take: Callable[[bytes], float]) -> None:
        """Hand all further frames to `take` as they come, until the peer or we closed. `take` answers for how many
        seconds nothing more shall be read. Raises as `receive` does, and what `take` raises.
        """

    def close(self) -> None:
        """Close both directions; idempotent. A pending `receive` then returns None."""


class Listener(Protocol):
    def close(self) -> None:
        """Accept no more; connections that were accepted stay open. Idempotent."""


class Transport(Protocol):
    """Gossip channels. `OSError` subclasses mean what they mean for sockets: refused, unreachable, address in
    use.
    """

    async def listen(
        self, host: str, port: int, accepted: Callable[[Connection], Awaitable[None]]
    ) -> Listener:
        """Accept connections; `accepted` runs as a task of its own for each and owns the connection."""

    async def connect(self, host: str, port: int) -> Connection: ...


class Channel(Protocol):
    """The bytes of a connection that left HTTP."""

    async def read(self) -> bytes:
        """Some bytes; none when the other side is gone."""

    async def write(self, data: bytes) -> None:
        """Waits while the other side reads too slowly. Raises ConnectionError once it is gone."""


class Request(Protocol):
    """An HTTP request, body and all. Header names are lower case."""

    @property
    def method(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def query(self) -> Mapping[str, str]: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def body(self) -> bytes: ...


class Response(Protocol):
    @property
    def status(self) -> int: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def body(self) -> bytes: ...
    @property
    def talk(self) -> Callable[[Channel], Awaitable[None]] | None:
        """With status 101: what follows on the connection, in place of more requests. A host that cannot hand
        a channel over answers 501 instead.
        """


class Http(Protocol):
    async def serve(
        self, host: str, port: int, handler: Callable[[Request], Awaitable[Response]]
    ) -> Listener: ...


class Store(Protocol):
    """Files by absolute path. Missing ones raise FileNotFoundError, a full disk OSError, as from the system.

    All calls are synchronous: the daemon's state is small, and a write that is half done when another task
    runs would be one more state to think about.
    """

    def read(self, path: str) -> bytes: ...

    def write(self, path: str, data: bytes, *, mode: int = 0o644) -> None:
        """Replace a file as a whole and durably: after a crash it holds the old or the new content, never a
        mixture.
        """

    def append(self, path: str, *data: bytes) -> None:
        """Add all of it to the end, creating the file. Not durable before `sync`; a crash may keep any prefix of it."""

    def sync(self, path: str) -> None: ...

    def size(self, path: str) -> int: ...

    def mode(self, path: str) -> int:
        """Permission bits, such as 0o600."""

    def exists(self, path: str) -> bool: ...

    def make_directory(self, path: str, *, mode: int = 0o755) -> None:
        """Create it and its parents; does nothing when it is there."""

    def list_directory(self, path: str) -> Sequence[str]:
        """Names in a directory, sorted; empty when there is none."""

    def rename(self, source: str, target: str) -> None: ...

    def remove(self, path: str) -> None:
        """Remove a file or a whole directory; does nothing when it is not there."""


class ArchiveStore(Protocol):
    """A database with an archive's tables (`archive/schema.sql`), in the SQL that PostgreSQL and SQLite share.

    Values are text, whole numbers, None, or tuples of numbers; in a statement they are `$1`, `$2`, … All methods
    raise OSError when the database cannot do it, also for a constraint that would be broken.
    """

    async def fetch(self, sql: str, *values: Any) -> Sequence[Sequence[Any]]:
        """Run one statement and return its rows."""

    async def insert(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None: ...

    def transaction(self) -> AbstractAsyncContextManager[object]:
        """All that is done inside happens together, or not at all when an exception leaves the block."""

    async def script(self, sql: str) -> None:
        """Run statements without values, outside of a transaction."""

    @property
    def dialect(self) -> str:
        """`postgresql` or `sqlite`: what creates tables differs."""

    async def close(self) -> None:
        """Idempotent."""


class ArchiveStores(Protocol):
    async def open(self, uri: str) -> ArchiveStore:
        """Connect to `postgres://…`, or open `sqlite:///path`, creating the file.

        Raises ValueError for a URI of another kind, OSError when it cannot be opened.
        """


class Child(Protocol):
    """A process that the daemon started."""

    async def ended(self) -> int:
        """Its exit code, once it has one. May be awaited more than once, and cancelled."""

    def terminate(self) -> None:
        """Ask it to end, as with SIGTERM; does nothing once it is gone."""


class Children(Protocol):
    async def start(
        self,
        arguments: Sequence[str],
        program: Callable[["Host"], Coroutine[Any, Any, int]],
        environment: Mapping[str, str] = ...,
    ) -> Child:
        """Start `coda` with these arguments as a process of its own beside this one. `environment` is added to ours.

        `program` is what it does there, for a host that runs it in its own loop instead. Output goes where this
        process's goes.
        """


class Console(Protocol):
    def out(self, line: str) -> None:
        """One line on standard output, without its newline."""

    def log(self, line: EncodedLine) -> None:
        """One line of the log on standard output."""

    def err(self, line: str) -> None:
        """One line on standard error."""


class Host(Protocol):
    """Everything at once, and who the process is."""

    @property
    def clock(self) -> Clock: ...
    @property
    def chance(self) -> Chance: ...
    @property
    def transport(self) -> Transport: ...
    @property
    def http(self) -> Http: ...
    @property
    def store(self) -> Store: ...
    @property
    def console(self) -> Console: ...
    @property
    def children(self) -> Children: ...
    @property
    def archive_stores(self) -> ArchiveStores: ...
    @property
    def pid(self) -> int: ...
    @property
    def environment(self) -> Mapping[str, str]: ...

    def process_is_alive(self, pid: int) -> bool:
        """Whether another daemon process exists; answers the lock file's question."""

    def at_end_of_step(self, call: Callable[[], None]) -> None:
        """Call it once the step of the event loop that runs now is over, before or soon after the next begins; at once
        where no loop runs.
        """

    async def interrupted(self) -> str:
        """Return the name of the signal, such as "SIGTERM", when the process is asked to end."""

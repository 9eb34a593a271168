"""Trust in peers on disk, so that a ban outlives a restart (daemon contract A.7, `trust/`).

It is written at each ban: what was not bad enough for one is forgotten with the process.
"""

from collections.abc import Sequence

import msgspec

from coda_daemon.gossip.link import MODULE
from coda_daemon.gossip.peer import Peer
from coda_daemon.gossip.trust import Standing
from coda_daemon.log import Log
from coda_daemon.ports import Host


class _Stored(msgspec.Struct, frozen=True):
    """Times are nanoseconds since the Unix epoch."""

    peer: Peer
    trust: float
    banned_until: int | None
    since: int


class TrustFile:
    """The file `trust/peers.json` of a configuration directory. Without it, or with a bad one, a node trusts
    everybody anew: a log line tells, and it goes on.
    """

    def __init__(self, directory: str, host: Host, log: Log) -> None:
        self._directory = f"{directory}/trust"
        self._path = f"{self._directory}/peers.json"
        self._host = host
        self._log = log

    def read(self, *, now: float) -> tuple[Standing, ...]:
        """In the order in which they were written, in seconds of the clock that shows `now`."""
        try:
            stored = msgspec.json.decode(self._host.store.read(self._path), type=tuple[_Stored, ...])
        except FileNotFoundError:
            return ()
        except (OSError, ValueError) as error:
            self._tell("read", error)
            return ()
        zero = self._host.clock.time_ns() - round(now * 1e9)

        def seconds(time_ns: int) -> float:
            return (time_ns - zero) / 1e9

        return tuple(
            Standing(
                one.peer,
                max(-1.0, min(0.0, one.trust)),
                None if one.banned_until is None else seconds(one.banned_until),
                # A wall clock that was put back would let trust decay.
                min(now, seconds(one.since)),
            )
            for one in stored
        )

    def write(self, standings: Sequence[Standing], *, now: float) -> None:
        """`standings` in seconds of the clock that shows `now`."""
        zero = self._host.clock.time_ns() - round(now * 1e9)
        stored = [
            _Stored(
                one.peer,
                one.trust,
                None if one.banned_until is None else zero + round(one.banned_until * 1e9),
                zero + round(one.since * 1e9),
            )
            for one in standings
        ]
        try:
            self._host.store.make_directory(self._directory, mode=0o700)
            self._host.store.write(self._path, msgspec.json.encode(stored), mode=0o600)
        except OSError as error:
            self._tell("write", error)

    def _tell(self, what: str, error: Exception) -> None:
        self._log.warn(
            MODULE,
            f"Cannot {what} $path, bans last until the next restart: $error",
            path=self._path,
            error=str(error),
        )

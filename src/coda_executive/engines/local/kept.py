"""Testnets that are kept up: found by their journals, asked by the sockets of their guardians."""

import json
import os
import select
import signal
import socket
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coda_executive.config.node_id import NodeId
from coda_executive.engines.local.companion import name_of_key, node_of_key
from coda_executive.engines.local.guardian import UNKILLABLE_SECONDS, process_table
from coda_executive.engines.local.journal import (
    JournalContent,
    journal_paths,
    locked_if_dead,
    read_journal,
    socket_path,
    state_lock,
)
from coda_executive.engines.local.leftovers import command_line, labelled_processes, processes_of
from coda_executive.errors import DeployError, EngineError, LeakError
from coda_executive.interfaces.keeping import KeptNode, KeptTestnet

ANSWER_SECONDS = 30.0  # for what the guardian does at once; another command may be in front of ours


class Line:
    """A connection to the guardian of a kept testnet: one question, one answer.

    Asking raises EngineError when there is no answer.
    """

    def __init__(self, connection: socket.socket, name: str) -> None:
        self._connection = connection
        self._name = name
        self._lines = connection.makefile("rb")
        self._asked = 0

    def ask(self, **question: Any) -> dict[str, Any]:
        """The guardian's answer. Raises EngineError also when it refuses."""
        answer = self.try_to(**question)
        if "error" in answer:
            raise EngineError(f"testnet {self._name}: {answer['error']}")
        return answer

    def try_to(self, **question: Any) -> dict[str, Any]:
        """The guardian's answer, with `error` in it when it refuses."""
        self._asked += 1
        try:
            self._connection.sendall(json.dumps({"id": self._asked, **question}).encode() + b"\n")
            for line in self._lines:
                answer: dict[str, Any] = json.loads(line)
                if answer.get("id") == self._asked:  # else it tells of a node that ended
                    return answer
        except OSError as error:
            raise EngineError(
                f"testnet {self._name} does not answer: {error or type(error).__name__}; is another command "
                f"busy with it? coda-executive ls shows whether it is still there"
            ) from error
        raise EngineError(f"testnet {self._name} has just ended; coda-executive ls shows those that are up")

    def patience(self) -> float:
        """Wait, from now on, as long as nodes may take to end; answers these seconds."""
        seconds = float(self.ask(do="status")["grace"]) + UNKILLABLE_SECONDS + ANSWER_SECONDS
        self._connection.settimeout(seconds)
        return seconds

    def close(self) -> None:
        self._lines.close()


@dataclass(frozen=True, slots=True)
class _Found:
    journal: Path
    content: JournalContent


def kept_testnets() -> list[KeptTestnet]:
    """All that are up. Raises EngineError."""
    testnets = []
    for found in _journals():
        try:
            with _line(found) as line:
                answer = line.ask(do="status")
        except EngineError:
            if not found.journal.exists():
                continue  # it ended just now
            raise
        testnets.append(
            KeptTestnet(
                name=found.content.kept,
                directory=Path(found.content.directory),
                lease=answer["lease"],
                seconds_left=max(0.0, answer["left"]),
                nodes=tuple(_nodes(Path(found.content.directory), answer["nodes"])),
            )
        )
    return sorted(testnets, key=lambda testnet: testnet.name)


def _nodes(directory: Path, pids: Mapping[str, int | None]) -> Iterator[KeptNode]:
    for key, pid in pids.items():
        if node_of_key(key) is None and (directory / "nodes" / key).is_dir():  # the handshake is no node
            beside = {name_of_key(other): pid for other, pid in pids.items() if node_of_key(other) == key}
            yield KeptNode(NodeId(key), pid is not None, pid, beside)


def refuse_kept_name(name: str) -> None:
    """Raise EngineError if a testnet of that name is up."""
    for found in _journals():
        if found.content.kept == name:
            raise EngineError(
                f"a testnet named {name} is up already, in {found.content.directory}; choose another --name, or "
                f"end it with coda-executive destroy {name}"
            )


def renew(name: str, lease: float | None) -> None:
    with _line(_named(name)) as line:
        line.ask(do="renew", lease=lease)


def start(name: str, nodes: Sequence[NodeId]) -> None:
    """Start nodes again, and what belongs beside them, where they do not run, in the order of their first start.

    Raises DeployError.
    """
    with _line(_named(name)) as line:
        running = line.ask(do="status")["nodes"]
        for key in [key for node in nodes for key in running if node in (key, node_of_key(key))]:
            if running.get(key) is not None:
                continue
            line.ask(do="kill", key=key)  # what a crashed predecessor left may not be gone yet
            answer = line.try_to(do="start", key=key)
            if "error" in answer:
                raise DeployError(f"{key} of testnet {name} cannot be started: {answer['error']}")


def stop(name: str, nodes: Sequence[NodeId]) -> None:
    with _line(_named(name)) as line:
        line.patience()
        for key in _with_companions(nodes, line.ask(do="status")["nodes"]):
            line.ask(do="stop", key=key, limit=None)


def _with_companions(nodes: Sequence[NodeId], keys: Iterable[str]) -> list[str]:
    """The keys of nodes and of what runs beside them, each node in front of its companions."""
    keys = list(keys)
    return [key for node in nodes for key in (node, *(key for key in keys if node_of_key(key) == node))]


def destroy(name: str) -> None:
    """Have the guardian end everything and itself. Raises LeakError, or EngineError when it does not end."""
    found = _named(name)
    guardian = found.content.guardian
    assert guardian is not None  # it made the testnet a kept one
    with _line(found) as line:
        seconds = line.patience()
    try:
        descriptor = os.pidfd_open(guardian.pid)
    except ProcessLookupError:
        return
    try:
        if guardian.is_alive:  # asked while the descriptor pins the pid
            signal.pidfd_send_signal(descriptor, signal.SIGTERM)
        poller = select.poll()
        poller.register(descriptor, select.POLLIN)
        if not poller.poll(seconds * 1000):
            raise EngineError(
                f"the guardian of testnet {name}, pid {guardian.pid}, did not end within {seconds:g} s"
            )
    finally:
        os.close(descriptor)
    table = process_table()
    labelled = labelled_processes(table).get(found.content.label, [])
    left = [f"process {pid}: {command_line(pid)}" for pid in processes_of(found.content, table, labelled)]
    if found.journal.exists():  # the guardian could not drop them
        left += [f"database {each.name} on {each.server}" for each in found.content.databases]
    if left:
        raise LeakError(
            f"testnet {name} left something behind: {'; '.join(left)}; see coda-executive cleanup"
        )


def _journals() -> Iterator[_Found]:
    with state_lock():
        paths = journal_paths()
        alive = []
        for path in paths:
            with locked_if_dead(path) as dead:
                if not dead:
                    alive.append(path)
    for path in alive:
        try:
            content = read_journal(path)
        except FileNotFoundError:
            continue  # it ended just now
        if content.kept:
            yield _Found(path, content)


def _named(name: str) -> _Found:
    for found in _journals():
        if found.content.kept == name:
            return found
    raise EngineError(f"no testnet named {name} is up; coda-executive ls shows those that are")


@contextmanager
def _line(found: _Found) -> Iterator[Line]:
    path = socket_path(found.journal)
    # By way of its directory: the path of a Unix socket may have 107 bytes only.
    directory = os.open(path.parent, os.O_RDONLY)
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(ANSWER_SECONDS)
        try:
            connection.connect(f"/proc/self/fd/{directory}/{path.name}")
        except OSError as error:
            raise EngineError(f"testnet {found.content.kept} does not answer at {path}: {error}") from error
        line = Line(connection, found.content.kept)
        try:
            yield line
        finally:
            line.close()
    finally:
        connection.close()
        os.close(directory)

"""Leases of ports: runs on one machine never share one."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from coda_executive.engines.local.journal import Journal, state_directory
from coda_executive.engines.local.ports import PortLease, port_range
from coda_executive.errors import DeployError, EngineError


@pytest.fixture
def journals(tmp_path: Path) -> Iterator[list[Journal]]:
    made = [Journal.create("a-run", tmp_path) for _ in range(3)]
    yield made
    for journal in made:
        journal.remove()


def test_range_lies_outside_of_the_ephemeral_one() -> None:
    assert port_range("32768\t60999\n") == range(10_000, 32_768)
    assert port_range("1024 50000") == range(50_001, 65_536)
    with pytest.raises(DeployError, match="is 1024 to 65535 and leaves no 1000 ports outside"):
        port_range("1024 65535")


def test_living_runs_get_different_ports_and_a_dead_ones_are_free_again(
    journals: list[Journal], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        PortLease, "_candidates", lambda self: iter(range(20_100, 20_400))
    )  # all begin at one place
    leases = [PortLease(journal) for journal in journals]
    taken = [lease.take(3) for lease in leases]
    for lease in leases:
        lease.close()  # as when the nodes have started: the sockets are gone, the leases stand
    assert len({port for ports in taken for port in ports}) == 9
    journals[0].remove()
    late = PortLease(journals[1])
    assert late.take(3) == taken[0]
    late.close()


def test_leased_port_is_held_until_it_is_given_up(journals: list[Journal]) -> None:
    lease = PortLease(journals[0])
    (port, other) = lease.take(2)
    with socket.socket() as rival:
        rival.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with pytest.raises(OSError, match="Address already in use"):
            rival.bind(("127.0.0.1", port))
        lease.give_up([port])
        rival.bind(("127.0.0.1", port))
    lease.close()
    assert other in lease.ports


def test_port_that_somebody_uses_is_not_leased(
    journals: list[Journal], monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as user:
        user.bind(("127.0.0.1", 0))
        user.listen()
        busy = user.getsockname()[1]
        monkeypatch.setattr(PortLease, "_candidates", lambda self: iter([busy]))
        with pytest.raises(DeployError, match="1 free ports are needed and only 0 are left"):
            PortLease(journals[0]).take(1)


def test_state_directory_that_others_can_write_in_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "coda-executive").mkdir()
    (tmp_path / "coda-executive").chmod(0o777)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    with pytest.raises(
        EngineError, match="must be a directory that only you can write in, but it has mode 777"
    ):
        state_directory()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "missing"))
    with pytest.raises(EngineError, match=r"cannot make .*missing/coda-executive.*No such file or directory"):
        state_directory()

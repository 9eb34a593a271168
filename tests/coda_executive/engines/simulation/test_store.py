"""The disk in memory behaves as a file system, and loses at a power cut what was not synced."""

import asyncio
from collections.abc import Callable

import pytest

from coda_executive.engines.simulation.process import Process
from coda_executive.engines.simulation.store import Disk, SimulatedStore


@pytest.fixture
def disk() -> Disk:
    return Disk()


@pytest.fixture
def store(disk: Disk) -> SimulatedStore:
    store = SimulatedStore(disk)
    store.make_directory("/node/config", mode=0o700)
    return store


def test_files_are_replaced_appended_to_and_measured(store: SimulatedStore) -> None:
    store.write("/node/config/key", b"secret", mode=0o600)
    store.append("/node/config/log", b"one")
    store.append("/node/config//log", b" t", b"wo")

    assert store.read("/node/config/log") == b"one two"
    assert store.size("/node/config/log") == 7
    assert [store.mode(f"/node/config{name}") for name in ("/key", "/log", "")] == [0o600, 0o644, 0o700]
    assert store.list_directory("/node/config") == ["key", "log"]
    assert store.list_directory("/node") == ["config"]
    assert store.list_directory("/nowhere") == []


def test_a_power_cut_keeps_what_was_written_or_synced(disk: Disk, store: SimulatedStore) -> None:
    store.write("/node/written", b"whole")
    store.append("/node/journal", b"synced")
    store.sync("/node/journal")
    store.append("/node/journal", b" not synced")
    store.append("/node/new", b"never synced")

    disk.lose_unsynced()

    assert store.read("/node/written") == b"whole"
    assert store.read("/node/journal") == b"synced"
    assert store.read("/node/new") == b""


def test_renaming_moves_files_and_whole_directories(store: SimulatedStore) -> None:
    store.make_directory("/node/config/root")
    store.write("/node/config/root/a", b"1")
    store.write("/node/config/partial", b"2")

    store.rename("/node/config/partial", "/node/config/root/a")
    store.rename("/node/config/root", "/node/old")

    assert store.read("/node/old/a") == b"2"
    assert not store.exists("/node/config/root")


def test_removing_takes_what_is_inside_and_nothing_beside(store: SimulatedStore) -> None:
    store.write("/node/config/a", b"")
    store.write("/node/config-file", b"")
    store.remove("/node/config")
    store.remove("/node/config")
    assert store.list_directory("/node") == ["config-file"]


@pytest.mark.parametrize(
    ("error", "call"),
    [
        (FileNotFoundError, lambda store: store.read("/node/missing")),
        (FileNotFoundError, lambda store: store.sync("/node/missing")),
        (FileNotFoundError, lambda store: store.write("/nowhere/file", b"")),
        (FileNotFoundError, lambda store: store.write("relative", b"")),
        (FileNotFoundError, lambda store: store.rename("/node/missing", "/node/x")),
        (IsADirectoryError, lambda store: store.read("/node/config")),
        (IsADirectoryError, lambda store: store.write("/node/config", b"")),
        (FileExistsError, lambda store: store.make_directory("/node/file")),
        (NotADirectoryError, lambda store: store.rename("/node/config", "/node/file")),
        (OSError, lambda store: store.rename("/node/config", "/node/full")),
    ],
)
def test_errors_are_those_of_the_system(
    store: SimulatedStore, error: type[OSError], call: Callable[[SimulatedStore], object]
) -> None:
    store.write("/node/file", b"")
    store.make_directory("/node/full/inner")
    with pytest.raises(error):
        call(store)


def test_a_dead_process_can_write_nothing(disk: Disk, store: SimulatedStore) -> None:
    process = Process("a", print)
    mounted = SimulatedStore(disk, process)
    mounted.write("/node/a", b"alive")
    process.is_gone = True
    with pytest.raises(asyncio.CancelledError):
        mounted.write("/node/a", b"dead")
    assert store.read("/node/a") == b"alive"

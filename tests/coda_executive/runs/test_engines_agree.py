"""A test that runs on real processes and in virtual time gives one verdict, for the same reasons, and on each node the
same kinds of events are seen.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.coda_executive.runs.conftest import Finished

from coda_executive.events.event import ErrorLogged, Event, FrontierLoading, OtherEvent
from coda_executive.executive.run_directory import read_outcome
from coda_executive.observation.history import EventSeen, HistoryReader

pytestmark = pytest.mark.real

Executive = Callable[..., Finished]
FAILING = """
with dsl.section("start", hard=True):
    await dsl.wait_for(nodes_to_initialize(dsl.testnet.nodes))
    await dsl.wait_for(blocks_to_be_produced(2))
    await dsl.wait_for(nodes_to_synchronize(dsl.testnet.nodes))
with dsl.section("nobody is left"):
    for producer in dsl.testnet.block_producers:
        await producer.stop()
    await dsl.wait_for(blocks_to_be_produced(1))
with dsl.section("a wrong expectation"):
    assert len(dsl.testnet.nodes) == 4
"""


def kind_of(event: Event) -> str:
    """The class of an event, with what says as much as a class where one class holds many things."""
    match event:
        case OtherEvent():
            detail = event.name
        case FrontierLoading():
            detail = event.step
        case ErrorLogged():
            detail = event.level
        case _:
            detail = None
    return type(event).__name__ + (f" {detail}" if detail else "")


def evidence(run: Path) -> dict[str, set[str]]:
    """What is to be the same: kinds of events by node, the errors with their sections, and the verdict."""
    found: dict[str, set[str]] = {}
    for entry in HistoryReader(run / "history"):
        if isinstance(entry.record, EventSeen):
            found.setdefault(entry.record.node, set()).add(kind_of(entry.record.event))
    outcome = read_outcome(run)
    assert outcome is not None
    found["errors"] = {f"{error.kind} in {'/'.join(error.section)}" for error in outcome.errors}
    found["verdict"] = {outcome.verdict}
    return found


def disagreements(virtual: dict[str, set[str]], real: dict[str, set[str]]) -> Iterator[str]:
    for where in sorted({*virtual, *real}):
        one, other = virtual.get(where, set()), real.get(where, set())
        yield from (f"{where}: only in the simulation: {what}" for what in sorted(one - other))
        yield from (f"{where}: only on real processes: {what}" for what in sorted(other - one))


def check_agreement(executive: Executive, tmp_path: Path, target: str) -> dict[str, set[str]]:
    runs = {engine: tmp_path / engine for engine in ("simulation", "local")}
    for engine, directory in runs.items():
        done = executive(
            "run", target, "--engine", engine, "--seed", "1", "--run-dir", str(directory), seconds=110
        )
        assert (directory / "outcome.json").exists(), done.out
    virtual, real = (evidence(directory) for directory in runs.values())

    assert not list(disagreements(virtual, real)), "\n".join(disagreements(virtual, real))
    return virtual


@pytest.mark.parametrize(
    "name",
    [
        "block-production",
        pytest.param("payments", marks=pytest.mark.long),
        pytest.param("chain-reliability", marks=pytest.mark.long),
    ],
)
def test_engines_agree_on_a_test_that_passes(executive: Executive, tmp_path: Path, name: str) -> None:
    found = check_agreement(executive, tmp_path, name)

    assert found["verdict"] == {"passed"}
    assert "BlockProduced" in found["block-producer-1"]


def test_engines_agree_on_a_test_that_fails(
    executive: Executive, write_test: Callable[..., str], tmp_path: Path
) -> None:
    found = check_agreement(executive, tmp_path, write_test(FAILING))

    assert found["verdict"] == {"failed"}
    assert found["errors"] == {"WaitUnreachable in nobody is left", "AssertionError in a wrong expectation"}


def test_a_disagreement_is_told_with_its_place() -> None:
    virtual = {"seed-1": {"NodeStarted", "BlockReceived"}, "verdict": {"passed"}}
    real = {"seed-1": {"NodeStarted"}, "verdict": {"failed"}, "node-1": {"NodeStarted"}}

    assert list(disagreements(virtual, real)) == [
        "node-1: only on real processes: NodeStarted",
        "seed-1: only in the simulation: BlockReceived",
        "verdict: only in the simulation: passed",
        "verdict: only on real processes: failed",
    ]

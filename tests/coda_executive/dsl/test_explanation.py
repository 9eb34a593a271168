"""A node's line tells its state, its silence, and how it came to be so."""

from msgspec.structs import replace
from tests.coda_executive.wait_conditions.states import SECOND, A, B, C, after, block, tip, up

from coda_executive.dsl.explanation import MOST_CHANGES, node_lines
from coda_executive.events.event import NodeStopped, SyncStatusChanged


def test_changes_are_told_with_their_times() -> None:
    before = after(start=up(A))
    made = after((A, block(2)), (A, tip("3N2")), start=before, seconds=1.5)
    now = after((A, NodeStopped(0, False)), start=made, seconds=2)

    (line,) = node_lines([A], before, now, slot_ms=2000)

    assert line == (
        "block-producer-1: stopped, height 2, was: +1.5 s running, initialised, height 2; +2.0 s stopped"
    )


def test_a_node_that_takes_part_and_says_nothing_is_silent() -> None:
    before = up(A, B)
    now = replace(after((A, SyncStatusChanged("SYNCED")), start=before, seconds=29), time_ns=30 * SECOND)

    spoke, silent, unknown = node_lines([A, B, C], before, now, slot_ms=2000)

    assert "silent" not in spoke
    assert (
        silent == "block-producer-2: running, initialised, silent for 30.0 s, no change since the wait began"
    )
    assert unknown == "node-1: not started"


def test_only_the_last_changes_are_told() -> None:
    now = before = up(A)
    for number in range(2, 40):
        now = after((A, block(number)), (A, tip(f"3N{number}")), start=now, seconds=number)

    (line,) = node_lines([A], before, now, slot_ms=2000)

    assert line.count("; ") == MOST_CHANGES - 1
    assert "height 39" in line

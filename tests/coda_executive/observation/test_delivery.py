"""The delay of log lines is told by the line that came quickest, whatever a daemon's clock says."""

import pytest

from coda_executive.config.node_id import NodeId
from coda_executive.events.event import NodeInitialized
from coda_executive.interfaces.log_engine import LogRecord
from coda_executive.observation.delivery import DeliveryDelay

A, B = NodeId("seed-1"), NodeId("node-1")
SECOND = 1_000_000_000


def stamp(seconds: float) -> str:
    return f"2030-01-01 00:00:{seconds:09.6f}Z"


def line(node: NodeId, timestamp: str | None) -> tuple[LogRecord]:
    return (LogRecord(node, 1, 0, timestamp, NodeInitialized()),)


def test_the_quickest_line_tells_the_clocks_apart() -> None:
    delay = DeliveryDelay()
    for written, seen in ((1.0, 101.3), (2.0, 102.0), (3.0, 103.5), (4.0, 104.1)):
        delay.take(line(A, stamp(written)), round(seen * SECOND))
    delay.take(line(B, stamp(30)), 1 * SECOND)

    assert delay.worst == pytest.approx(0.5)
    assert str(delay) == (
        "each node's last one was seen at most 0.10 s after it was written, the latest of all after 0.50 s "
        "(seed-1, 103.5 s after the run began)"
    )


def test_a_clock_that_is_put_right_is_no_delay() -> None:
    delay = DeliveryDelay()
    delay.take(line(A, "2030-01-01 00:10:01.000000Z"), 1 * SECOND)
    delay.take(line(A, "2030-01-01 00:00:02.000000Z"), 2 * SECOND)

    assert delay.worst == 0


@pytest.mark.parametrize("text", [None, "", "soon"])
def test_a_line_without_a_time_tells_nothing(text: str | None) -> None:
    delay = DeliveryDelay()
    delay.take(line(A, text), SECOND)

    assert str(delay) == "no line with a time was seen"


def test_lines_that_are_read_together_are_each_looked_at() -> None:
    delay = DeliveryDelay()
    delay.take((*line(A, stamp(4)), *line(B, stamp(1)), *line(B, stamp(1)), *line(A, stamp(1))), 5 * SECOND)

    assert delay.worst == 3

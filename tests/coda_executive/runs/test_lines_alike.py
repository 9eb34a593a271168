"""Lines that their writer says are alike are read once, and mean what each would mean if it were read."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from tests.coda_executive.exploration.power import busy

from coda_executive.engines.simulation import ENGINE
from coda_executive.engines.simulation.options import SimulationOptions
from coda_executive.events import event as events
from coda_executive.events.event import DaemonEvent
from coda_executive.events.parse import Parser
from coda_executive.executive.outcome import Verdict
from coda_executive.executive.runner import RunSettings, run_test
from coda_executive.exploration.watcher import NobodyWatches
from coda_protocol.log_message import EncodedLine


def test_in_a_busy_run_they_mean_the_same_as_when_each_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parse_alike, alike = Parser.parse_alike, 0
    differing: list[bytes] = []
    kinds: set[type] = set()

    def compared(parser: Parser, lines: Iterable[EncodedLine]) -> Iterator[tuple[str | None, DaemonEvent]]:
        nonlocal alike
        for line in lines:
            alike += line.content is not None and line.content in parser._alike
            (told,) = parse_alike(parser, [line])
            kinds.add(type(told[1]))
            if told != parser.parse(line.text):
                differing.append(line.text)
            yield told

    monkeypatch.setattr(Parser, "parse_alike", compared)
    settings = RunSettings(
        seed=3, engine_options=SimulationOptions(), run_dir=tmp_path / "run", hash_only=True
    )
    outcome, _ = run_test(busy, ENGINE, settings, NobodyWatches())

    assert outcome.verdict is Verdict.PASSED
    assert differing == []
    assert alike > 0
    assert kinds >= {
        events.BestTipFormed,
        events.BlockGossiped,
        events.BlockProduced,
        events.BlockReceived,
        events.BreadcrumbAdded,
        events.FrontierChanged,
        events.NodeInitialized,
        events.OtherEvent,
        events.PlainMessage,
        events.SyncStatusChanged,
        events.TransactionsGossiped,
    }

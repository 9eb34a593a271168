"""What a run makes of lines that come at the wrong moment or look wrong: a script plays them into fake nodes."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from coda_executive import (
    Balance,
    BlockProducers,
    Dsl,
    ExpectedLog,
    LogPolicy,
    NetworkConfig,
    RuntimeConfig,
    event_to_be_seen,
    integration_test,
    sample_ledger,
)
from coda_executive.catalogue.block_production import block_production
from coda_executive.cli.main import run_cli
from coda_executive.dsl.sections import Severity
from coda_executive.errors import ConfigError
from coda_executive.events.event import ErrorLogged, Event
from coda_executive.executive.engines import find_engine
from coda_executive.executive.outcome import Outcome, Verdict
from coda_executive.executive.runner import RunSettings, run_test
from coda_executive.interfaces.network_manager import Launch
from coda_executive.report.plain import PlainMonitor
from coda_executive.testing import FakeEngine, FakeOptions, ScriptedLogEngine, read_script
from coda_executive.testing.fake_engine import FakeNetworkManager

Body = Callable[[Dsl], Awaitable[None]]
Play = Callable[..., Outcome]


def error(message: str) -> bytes:
    return (
        b'{"timestamp":"2024-05-01 12:00:00.000000Z","level":"Error","message":"' + message.encode() + b'"}'
    )


class SlowManager(FakeNetworkManager):
    async def launch(self) -> Launch:
        launch = await super().launch()
        await asyncio.sleep(1)
        return launch


class SlowEngine(FakeEngine):
    """Its nodes run for a second before anybody is told."""

    make_manager = SlowManager


@pytest.fixture
def play(tmp_path: Path) -> Play:
    """Run a body on a fake seed and producer whose log is a script; answer the outcome."""

    def run(body: Body, *script: tuple[float, str, Any], expected: tuple[ExpectedLog, ...] = ()) -> Outcome:
        test = integration_test(
            name="scripted",
            network=NetworkConfig(block_producers=BlockProducers(count=1)),
            runtime=RuntimeConfig(ledger=sample_ledger([Balance.of_coda("1")])),
            log_policy=LogPolicy(expected=expected),
        )(body)
        engine = SlowEngine(log_engine=ScriptedLogEngine(script))
        settings = RunSettings(seed=1, engine_options=FakeOptions(), run_dir=tmp_path / "run")
        return run_test(test, engine, settings, PlainMonitor(print))[0]

    return run


def found(outcome: Outcome) -> list[tuple[Severity, str]]:
    return [(each.severity, each.kind) for each in outcome.errors]


async def for_ten_seconds(_dsl: Dsl) -> None:
    """Do nothing."""
    await asyncio.sleep(10)


def test_error_line_ends_the_test_and_is_told(play: Play) -> None:
    outcome = play(for_ten_seconds, (5.0, "seed-1", error("disk on fire")))

    assert found(outcome) == [(Severity.HARD, "HardLogError")]
    assert "seed-1 logged at level Error: disk on fire" in outcome.errors[0].message


def test_error_line_that_is_read_after_the_body_s_end_fails_the_test_too(play: Play, tmp_path: Path) -> None:
    """It was written while the test ran, and nobody else will ever be told of it."""
    outcome = play(for_ten_seconds, (11.0, "seed-1", error("at the last moment")))

    assert outcome.verdict is Verdict.FAILED
    assert found(outcome) == [(Severity.HARD, "HardLogError")]
    assert run_cli(["judge", str(tmp_path / "run")]) == 1, "judged again, it is the same"


def test_error_line_that_is_read_before_the_body_begins_ends_the_test(play: Play) -> None:
    outcome = play(for_ten_seconds, (0.0, "seed-1", error("too early")))

    assert found(outcome) == [(Severity.HARD, "HardLogError")]


def test_expected_line_that_is_read_after_the_body_s_end_has_come(play: Play) -> None:
    outcome = play(
        for_ten_seconds, (11.0, "seed-1", error("the ban is lifted")), expected=(ExpectedLog("ban"),)
    )

    assert outcome.verdict is Verdict.PASSED, outcome.errors


def test_line_that_goes_on_being_written_goes_on_being_expected(play: Play) -> None:
    lines = [(1.0 + count, "seed-1", error("reset by peer")) for count in range(20)]

    assert play(for_ten_seconds, *lines, expected=(ExpectedLog("reset"),)).verdict is Verdict.PASSED


def test_one_line_satisfies_all_patterns_that_it_matches(play: Play) -> None:
    expected = (ExpectedLog("reset"), ExpectedLog("by peer$"), ExpectedLog(r"\bpeer\b"))

    outcome = play(for_ten_seconds, (1.0, "seed-1", error("reset by peer")), expected=expected)

    assert outcome.verdict is Verdict.PASSED, outcome.errors


@pytest.mark.parametrize("pattern", ["fire$", r"fire\b", "fire(?!works)"])
def test_pattern_is_never_tried_on_half_a_line(play: Play, pattern: str) -> None:
    """The first half matches; the line does not, and is an error that nobody expects."""
    whole = error("fireworks")
    half = whole[: whole.index(b"works")]
    outcome = play(
        for_ten_seconds,
        (1.0, "seed-1", half),
        (2.0, "seed-1", whole),
        expected=(ExpectedLog(pattern, required=False),),
    )

    assert found(outcome) == [(Severity.HARD, "HardLogError")]


def test_entry_of_several_lines_hides_no_line_after_it(play: Play) -> None:
    lines = [b"Traceback (most recent call last):", b'  File "x.py", line 1', b"ValueError: \xff", error("x")]

    outcome = play(for_ten_seconds, *((1.0, "seed-1", line) for line in lines))

    assert found(outcome) == [(Severity.HARD, "HardLogError")]


def test_pattern_that_is_no_regular_expression_is_refused_where_it_is_written() -> None:
    with pytest.raises(ConfigError, match=r"'ban \('.*regular expression"):
        ExpectedLog("ban (")


def test_predicate_that_fails_loses_no_error_that_was_found_before(play: Play) -> None:
    def trips(event: Event) -> bool:
        raise LookupError("the test's own mistake")

    async def body(dsl: Dsl) -> None:
        with dsl.section("before"):
            raise AssertionError("found before")
        await dsl.wait_for(event_to_be_seen("anything", trips))

    outcome = play(body, (1.0, "seed-1", b'{"level":"Warn","message":"something"}'))

    assert found(outcome) == [(Severity.SOFT, "AssertionError"), (Severity.HARD, "LookupError")]


def test_line_of_before_a_wait_does_not_end_it_and_is_told_as_a_near_miss(play: Play) -> None:
    async def body(dsl: Dsl) -> None:
        await asyncio.sleep(2)
        await dsl.wait_for(
            event_to_be_seen("an error", lambda event: isinstance(event, ErrorLogged)), since=dsl.cursor()
        )

    outcome = play(body, (1.0, "seed-1", error("x")), expected=(ExpectedLog("x"),))

    (timeout,) = outcome.errors
    assert timeout.kind == "WaitTimeout"
    assert "before this wait began" in timeout.message


def test_what_the_executive_writes_is_no_line_of_a_node(play: Play) -> None:
    """A test that waits for a phrase does not find it in the name of its own section."""

    async def body(dsl: Dsl) -> None:
        with dsl.section("wait for disk on fire"):
            pass
        await asyncio.sleep(1)

    outcome = play(body, expected=(ExpectedLog("disk on fire"),))

    assert found(outcome) == [(Severity.SOFT, "MissingLogLine")]


def test_logs_of_a_run_can_be_played_into_another(tmp_path: Path) -> None:
    """So a test can be tried on what a network once wrote, without that network."""
    simulation = find_engine("simulation")
    settings = RunSettings(
        seed=1, engine_options=simulation.options_type(), run_dir=tmp_path / "recorded", keep="always"
    )
    recorded, _ = run_test(block_production, simulation, settings, PlainMonitor(print))
    logs = sorted((tmp_path / "recorded" / "nodes").glob("*/daemon.log"))
    script = [entry for log in logs for entry in read_script(log, log.parent.name)]

    engine = FakeEngine(log_engine=ScriptedLogEngine(script))
    settings = RunSettings(seed=1, engine_options=FakeOptions(), run_dir=tmp_path / "played")
    played, _ = run_test(block_production, engine, settings, PlainMonitor(print))

    assert recorded.verdict is played.verdict is Verdict.PASSED, played.errors
    half = [line for line in script if line[0] < 5]
    engine = FakeEngine(log_engine=ScriptedLogEngine(half))
    settings = RunSettings(seed=1, engine_options=FakeOptions(), run_dir=tmp_path / "half")
    cut_short, _ = run_test(block_production, engine, settings, PlainMonitor(print))
    assert "WaitTimeout" in [each.kind for each in cut_short.errors]

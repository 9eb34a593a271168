"""One attempt of a search: a seed and a fault schedule in, a verdict and a signature out."""

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from coda_executive.dsl.dsl import Dsl
from coda_executive.dsl.endurance import endure
from coda_executive.executive.engines import find_engine
from coda_executive.executive.integration_test import IntegrationTest
from coda_executive.executive.load import find_test
from coda_executive.executive.outcome import Outcome, Verdict
from coda_executive.executive.runner import RunSettings, run_test
from coda_executive.executive.slot_length import with_slot_seconds
from coda_executive.exploration.signatures import first_error, signature_of
from coda_executive.exploration.watcher import NobodyWatches
from coda_executive.nemesis.schedule import Schedule, needs_of
from coda_executive.observation.history_digest import digest_of_history
from coda_executive.wait_conditions.initialization import nodes_to_initialize


class Setup(msgspec.Struct, frozen=True):
    """What all attempts of a search share.

    Faults are applied for `fault_slots` slots, at most `most_faults` of them (0: none), of these `kinds` (none
    named: all that the engine can do). `slot_seconds` None keeps the test's own slots.
    """

    target: str
    engine: str
    options: Mapping[str, Any]
    daemon: str | None = None
    slot_seconds: float | None = None
    fault_slots: int = 60
    most_faults: int = 50
    kinds: tuple[str, ...] = ()


class Attempt(msgspec.Struct, frozen=True):
    """`schedule` None draws one from the seed. `in_full` writes the history, and reads it for the digest."""

    seed: int
    schedule: Schedule | None = None
    in_full: bool = False


class Result(msgspec.Struct, frozen=True):
    """How an attempt ended. `signature` is None for one that passed; `digest` names its whole history."""

    attempt: Attempt
    verdict: Verdict
    signature: str | None
    error: str
    schedule: Schedule | None
    digest: str


class Attempter:
    """Makes attempts in this process, in a directory of its own. Each leaves nothing but its result."""

    def __init__(self, setup: Setup, scratch: Path) -> None:
        """Raises ConfigError for a test or an engine that there is none of."""
        self._setup = setup
        self._run_dir = scratch / "run"
        self._engine = find_engine(setup.engine)
        self._options = msgspec.convert(setup.options, self._engine.options_type)
        test = find_test(setup.target)
        self._test = test if setup.slot_seconds is None else with_slot_seconds(test, setup.slot_seconds)

    def make(self, attempt: Attempt) -> Result:
        used: list[Schedule] = []
        test = disturbed(self._test, self._setup, attempt.schedule, used)
        try:
            settings = RunSettings(
                seed=attempt.seed,
                engine_options=self._options,
                daemon=self._setup.daemon,
                run_dir=self._run_dir,
                keep="never",
                hash_only=not attempt.in_full,
            )
            outcome, directory = run_test(test, self._engine, settings, NobodyWatches())
            digest = outcome.digest
            if attempt.in_full and directory is not None:
                digest = digest_of_history(directory / "history")
        finally:
            shutil.rmtree(self._run_dir, ignore_errors=True)
        return _result(attempt, outcome, used[0] if used else attempt.schedule, digest)


def disturbed(
    test: IntegrationTest, setup: Setup, schedule: Schedule | None, used: list[Schedule]
) -> IntegrationTest:
    """The test on a network that was disturbed and has recovered; the schedule is put into `used`. What the faults
    need is added to what the test needs, unless the faults are drawn of whatever there is.
    """
    if schedule is None and setup.most_faults == 0:
        return test

    async def body(dsl: Dsl) -> None:
        await dsl.wait_for(nodes_to_initialize(dsl.testnet.nodes))
        seconds = setup.fault_slots * dsl.facts.constants.slot_ms / 1000
        used.append(schedule or dsl.nemesis.draw(seconds=seconds, most=setup.most_faults, kinds=setup.kinds))
        await endure(dsl, used[0])
        await test.body(dsl)

    if schedule is None:
        needs = needs_of(setup.kinds)
    else:
        needs = tuple(need for planned in schedule.faults for need in planned.fault.needs)
    return replace(test, body=body, needs=tuple(dict.fromkeys((*test.needs, *needs))))


def _result(attempt: Attempt, outcome: Outcome, schedule: Schedule | None, digest: str) -> Result:
    error = first_error(outcome)
    text = outcome.skipped or ("" if error is None else f"{error.kind}: {error.message}")
    return Result(attempt, outcome.verdict, signature_of(outcome), text, schedule, digest)

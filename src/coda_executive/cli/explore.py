"""`explore`: the command's options. What they start is in `exploring`, imported when a search begins."""

import os
from pathlib import Path
from typing import Any

import click

from coda_executive.cli.engine_options import with_engine_options


@click.command("explore", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("test")
@click.option("--seeds", type=click.IntRange(min=1), default=100, show_default=True, help="How many runs.")
@click.option("--seed", "first_seed", type=int, help="The first seed; drawn and printed by default.")
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    default=os.cpu_count() or 1,
    help="How many runs at once; by default one for each processor.",
)
@click.option(
    "--engine", "engine_name", default="simulation", show_default=True, help="Where the runs are made."
)
@click.option("--daemon", help="The daemon under test; by default the reference daemon.")
@click.option(
    "--slot", "slot_seconds", type=float, help="Length of a slot in seconds, instead of the test's own."
)
@click.option(
    "--density",
    "most_faults",
    type=click.IntRange(min=0),
    default=50,
    show_default=True,
    help="Most faults of a run; each run draws its own number, from a hundredth of it on. 0 for none.",
)
@click.option(
    "--fault-slots",
    type=click.IntRange(min=1),
    default=60,
    show_default=True,
    help="For how many slots faults are applied.",
)
@click.option(
    "--kind",
    "kinds",
    multiple=True,
    help="Draw only faults of this kind, by default of all that the engine can. Repeatable. There are Kill, Stop, "
    "Wipe, Pause, Partition, SlowLinks, ResetConnections, SkewClock, TroubleDisk, SlowCpu.",
)
@click.option(
    "--shrink",
    "budget",
    type=click.IntRange(min=0),
    default=100,
    show_default=True,
    help="How many schedules are tried to make a failure smaller.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Where the results go; by default a new folder of runs/.",
)
@with_engine_options
def explore_command(
    test: str,
    seeds: int,
    first_seed: int | None,
    jobs: int,
    engine_name: str,
    daemon: str | None,
    slot_seconds: float | None,
    most_faults: int,
    fault_slots: int,
    kinds: tuple[str, ...],
    budget: int,
    out: Path | None,
    **engine_options: Any,
) -> int:
    """Run a test with many seeds and drawn faults, and make what fails as small as it gets.

    In each run the network is disturbed, must recover, and then has to pass the test. Runs that pass leave a
    hash of their history; of failures with one signature, the first is shrunk and written as a Python test.
    """
    from coda_executive.cli.exploring import ExploreRequest, run_exploration

    return run_exploration(
        ExploreRequest(
            target=test,
            seeds=seeds,
            first_seed=first_seed,
            jobs=jobs,
            engine=engine_name,
            engine_options=engine_options,
            daemon=daemon,
            slot_seconds=slot_seconds,
            most_faults=most_faults,
            fault_slots=fault_slots,
            kinds=kinds,
            budget=budget,
            out=out,
        )
    )

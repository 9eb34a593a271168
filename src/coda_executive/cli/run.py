"""`run`: the command's options. What they start is in `running`, imported when a run begins."""

from pathlib import Path
from typing import Any

import click

from coda_executive.cli.engine_options import with_engine_options
from coda_executive.cli.genesis import genesis_location, with_genesis_options


@click.command("run", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("tests", metavar="TEST...", nargs=-1)
@click.option("--engine", "engine_name", default="local", show_default=True, help="Where the network runs.")
@click.option("--daemon", help="Command of the daemon under test; by default the reference daemon.")
@click.option("--seed", type=int, help="Repeat a run's choices; drawn and printed by default.")
@click.option(
    "--slot", "slot_seconds", type=float, help="Length of a slot in seconds, instead of the test's own."
)
@click.option(
    "--run-dir",
    type=click.Path(path_type=Path),
    help="Where evidence goes; by default a new folder of runs/.",
)
@click.option(
    "--keep",
    type=click.Choice(["never", "failed", "always"]),
    default="failed",
    show_default=True,
    help="Which runs keep their nodes' state and keys; logs and history always stay.",
)
@click.option(
    "--timeout-factor", type=float, default=1.0, show_default=True, help="Stretches the limits of all waits."
)
@click.option(
    "--strict",
    is_flag=True,
    help="Overrunning a soft limit fails the test, and so does giving a validator that it exercises no chance to fail.",
)
@click.option(
    "--pause-on-failure",
    is_flag=True,
    help="Keep a failed network up, show how to query it, and destroy or keep it on a key.",
)
@click.option(
    "--replay",
    "replayed",
    metavar="RUN",
    help="Repeat a run of the simulation by its stored seed and options, and say where it differs, if it does.",
)
@click.option("--plan", "plan_only", is_flag=True, help="Print the deployment plan and start nothing.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object a run on stdout, progress on stderr."
)
@with_genesis_options
@with_engine_options
def run_command(
    tests: tuple[str, ...],
    engine_name: str,
    daemon: str | None,
    seed: int | None,
    slot_seconds: float | None,
    run_dir: Path | None,
    keep: Any,
    timeout_factor: float,
    strict: bool,
    pause_on_failure: bool,
    replayed: str | None,
    plan_only: bool,
    as_json: bool,
    genesis_store: str | None,
    genesis_endpoint: str | None,
    genesis_region: str | None,
    **engine_options: Any,
) -> int:
    """Run tests of the catalogue (see `list`) or of your own files (path/to/file.py::name)."""
    if replayed is not None:
        from coda_executive.cli.replaying import replay

        context = click.get_current_context()
        others = [
            parameter.opts[-1] if isinstance(parameter, click.Option) else "TEST"
            for parameter in run_command.params
            if context.get_parameter_source(str(parameter.name)) is click.core.ParameterSource.COMMANDLINE
            and parameter.name not in ("replayed", "run_dir")
            and context.params[str(parameter.name)] != ()
        ]
        if others:
            raise click.UsageError(
                f"--replay repeats a run with its own test, seed and options; leave out {', '.join(others)}"
            )

        return replay(replayed, run_command, run_dir)
    from coda_executive.cli.running import RunRequest, run_tests

    return run_tests(
        RunRequest(
            targets=tests,
            engine=engine_name,
            engine_options=engine_options,
            daemon=daemon,
            seed=seed,
            slot_seconds=slot_seconds,
            run_dir=run_dir,
            keep=keep,
            timeout_factor=timeout_factor,
            strict=strict,
            pause_on_failure=pause_on_failure,
            as_json=as_json,
            genesis=genesis_location(genesis_store, genesis_endpoint, genesis_region),
        ),
        plan_only=plan_only,
    )

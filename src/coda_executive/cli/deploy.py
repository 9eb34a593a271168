"""`deploy`: the command's options. What they start is in `deploying`, imported when a testnet is deployed."""

from pathlib import Path
from typing import Any

import click

from coda_executive.cli.durations import Duration
from coda_executive.cli.engine_options import with_engine_options
from coda_executive.cli.genesis import genesis_location, with_genesis_options


@click.command("deploy", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("file", metavar="NETWORK.yaml", type=click.Path(path_type=Path))
@click.option("--name", help="What later commands call the testnet; by default the file's name.")
@click.option("--engine", "engine_name", default="local", show_default=True, help="Where the network runs.")
@click.option("--daemon", help="Command of the daemon; by default the reference daemon.")
@click.option(
    "--lease",
    type=Duration(),
    default="8h",
    show_default=True,
    help="It is destroyed when it was not used for so long, such as 90m or 2d; env, start and stop are use.",
)
@click.option("--seed", type=int, help="Repeat a deployment's choices; drawn by default.")
@click.option(
    "--run-dir",
    type=click.Path(path_type=Path),
    help="Where logs and state go; by default a new folder of runs/.",
)
@click.option(
    "--timeout-factor", type=float, default=1.0, show_default=True, help="Stretches the limits of all waits."
)
@click.option(
    "--lenient",
    is_flag=True,
    help="Pass unknown fields of `runtime` on to the daemons instead of refusing them.",
)
@click.option("--json", "as_json", is_flag=True, help="Print what `env --json` does, progress on stderr.")
@with_genesis_options
@with_engine_options
def deploy_command(
    file: Path,
    name: str | None,
    engine_name: str,
    daemon: str | None,
    lease: float,
    seed: int | None,
    run_dir: Path | None,
    timeout_factor: float,
    lenient: bool,
    as_json: bool,
    genesis_store: str | None,
    genesis_endpoint: str | None,
    genesis_region: str | None,
    **engine_options: Any,
) -> int:
    """Deploy the network of a file, wait until its nodes are initialised, and leave it up.

    It needs no command to go on: it lives until `destroy`, or until its lease ends. Prints what `env` does.
    """
    from coda_executive.cli.deploying import DeployRequest, deploy

    return deploy(
        DeployRequest(
            file=file,
            name=name or file.stem,
            engine=engine_name,
            engine_options=engine_options,
            daemon=daemon,
            lease=lease,
            seed=seed,
            run_dir=run_dir,
            timeout_factor=timeout_factor,
            lenient=lenient,
            genesis=genesis_location(genesis_store, genesis_endpoint, genesis_region),
            as_json=as_json,
        )
    )

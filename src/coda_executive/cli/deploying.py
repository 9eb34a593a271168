"""What `deploy` does: a run whose test is that all nodes come up, and whose testnet is then kept."""

import re
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from coda_executive.cli.running import monitor_for, refuse_if_it_cannot_run, repeated_command
from coda_executive.cli.testnets import show_access
from coda_executive.config.files import load_network
from coda_executive.dsl.dsl import Dsl
from coda_executive.errors import ConfigError
from coda_executive.executive.engines import chosen_options, find_engine
from coda_executive.executive.genesis import found_genesis
from coda_executive.executive.integration_test import IntegrationTest
from coda_executive.executive.keeping import Keeping, find_kept, keeper_of, refuse_taken_name
from coda_executive.executive.runner import RunSettings, run_test
from coda_executive.genesis_store.location import Location
from coda_executive.report.summary import summary_lines
from coda_executive.wait_conditions.initialization import nodes_to_initialize

_NAME = re.compile(r"\w[\w.-]{0,99}", re.ASCII)


@dataclass(frozen=True, slots=True)
class DeployRequest:
    """A command line, parsed. `lease` is in seconds, `seed` None draws one."""

    file: Path
    name: str
    engine: str
    engine_options: dict[str, Any]
    daemon: str | None
    lease: float
    seed: int | None
    run_dir: Path | None
    timeout_factor: float
    lenient: bool
    genesis: Location | None
    as_json: bool


def deploy(request: DeployRequest) -> int:
    """Deploy and leave up; a testnet that does not come up is destroyed. Answers the exit code."""
    if not _NAME.fullmatch(request.name):
        raise ConfigError(
            f"a testnet's name has letters, digits, dots, dashes and underscores, got {request.name!r}; give --name"
        )
    if request.lease <= 0:
        raise ConfigError(f"--lease must be above 0, got {request.lease:g} s")
    network, runtime = load_network(request.file, lenient=request.lenient)
    engine = find_engine(request.engine)
    keeper_of(engine)
    options = chosen_options(engine, request.engine_options)
    refuse_if_it_cannot_run(engine)
    refuse_taken_name(request.name)
    seed = secrets.randbelow(2**31) if request.seed is None else request.seed
    genesis = found_genesis(network, runtime, request.genesis)
    test = IntegrationTest(
        name=request.name,
        summary=f"The network of {request.file} comes up.",
        network=network,
        runtime=genesis.runtime,
        body=_until_initialised,
    )
    settings = RunSettings(
        seed=seed,
        engine_options=options,
        daemon=request.daemon,
        run_dir=request.run_dir,
        timeout_factor=request.timeout_factor,
        genesis_files=genesis.files,
        command=repeated_command("deploy", str(request.file), seed),
        keep_up=Keeping(request.name, request.lease),
    )
    outcome, directory = run_test(test, engine, settings, monitor_for(plain=request.as_json, on_stderr=True))
    if outcome.kept is None:
        click.echo("\n".join(summary_lines(test.name, outcome, directory, settings.command)), err=True)
        return outcome.exit_code
    show_access(find_kept(request.name), as_json=request.as_json)
    return outcome.exit_code


async def _until_initialised(dsl: Dsl) -> None:
    await dsl.wait_for(nodes_to_initialize(dsl.testnet.nodes))

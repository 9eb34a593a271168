"""`plan` and `schema`: a network file looked at without running anything."""

import json
from pathlib import Path

import click

from coda_executive.cli.genesis import genesis_location, with_genesis_options


@click.command("plan", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@click.option(
    "--engine",
    "engine_name",
    default="simulation",
    show_default=True,
    help="Whose addresses, ports and directories; the simulation's are always the same.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="The nodes' own keys follow from it.")
@click.option(
    "--diff",
    "other",
    metavar="OTHER",
    type=click.Path(path_type=Path),
    help="Print only what changes from FILE's plan to this file's.",
)
@click.option(
    "--lenient", is_flag=True, help="Pass unknown fields of the runtime configuration on to the daemons."
)
@click.option("--json", "as_json", is_flag=True, help="Print all of the plan as JSON.")
@with_genesis_options
def plan_command(
    file: Path,
    engine_name: str,
    seed: int,
    other: Path | None,
    lenient: bool,
    as_json: bool,
    genesis_store: str | None,
    genesis_endpoint: str | None,
    genesis_region: str | None,
) -> None:
    """Check a network FILE (YAML, JSON or TOML) and print what would be deployed. Starts nothing.

    All faults of the file are told at once, each with its line and column; the exit code then is 4.
    """
    from coda_executive.config.files import load_network
    from coda_executive.config.plan_document import plan_diff, plan_document
    from coda_executive.config.plan_summary import plan_summary
    from coda_executive.executive.engines import chosen_options, find_engine
    from coda_executive.executive.genesis import found_genesis
    from coda_executive.executive.planning import planned

    engine = find_engine(engine_name)
    location = genesis_location(genesis_store, genesis_endpoint, genesis_region)
    configurations, files = [], dict[str, bytes]()
    for path in (file, other) if other else (file,):
        network, runtime = load_network(path, lenient=lenient)
        genesis = found_genesis(network, runtime, location)
        configurations.append((network, genesis.runtime))
        files |= genesis.files
    plans = planned(configurations, engine, chosen_options(engine, {}), seed=seed, genesis_files=files)
    if other is None:
        click.echo(plan_document(plans[0]) if as_json else plan_summary(plans[0]), nl=False)
        return
    difference = plan_diff(*plans, names=(str(file), str(other)))
    if as_json:
        click.echo(json.dumps({"same": not difference, "difference": difference.splitlines()}, indent=2))
    else:
        click.echo(difference or "The two plans are the same.\n", nl=False)


@click.command("schema", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("kind", type=click.Choice(["network", "runtime"]))
def schema_command(kind: str) -> None:
    """Print the JSON Schema of network files, or of Mina's own runtime configuration, for your editor."""
    from coda_executive.config.schema import network_schema, runtime_schema

    schema = network_schema() if kind == "network" else runtime_schema()
    click.echo(json.dumps(schema, indent=2, ensure_ascii=False))

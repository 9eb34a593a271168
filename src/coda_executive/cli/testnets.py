"""`ls`, `env`, `start`, `stop`, `destroy`: testnets that are kept up by hand."""

import json
import shlex
from typing import TYPE_CHECKING, Any

import click

from coda_executive.cli.durations import Duration, shown

if TYPE_CHECKING:
    from coda_executive.config.node_id import NodeId
    from coda_executive.executive.access import NodeAccess
    from coda_executive.executive.keeping import Kept

_HELP = {"help_option_names": ["-h", "--help"]}
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")


@click.command("ls", context_settings=_HELP)
@json_option
def ls_command(as_json: bool) -> None:
    """List the testnets that are up by hand, and how long their leases last. It renews none."""
    from coda_executive.executive.keeping import kept_testnets

    rows = [_row(kept) for kept in kept_testnets()]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    if not rows:
        click.echo("no testnet is up; coda-executive deploy NETWORK.yaml makes one")
        return
    table = [["NAME", "ENGINE", "NODES UP", "LEASE ENDS IN", "RUN DIRECTORY"]]
    table += [
        [
            row["name"],
            row["engine"],
            _up(row),
            shown(row["seconds_left"]),
            row["directory"],
        ]
        for row in rows
    ]
    widths = [max(len(line[column]) for line in table) for column in range(4)]
    for line in table:
        click.echo(
            "  ".join([*(cell.ljust(width) for cell, width in zip(line, widths, strict=False)), line[4]])
        )


@click.command("env", context_settings=_HELP)
@click.argument("name")
@click.option(
    "--lease", type=Duration(), help="From now on it lasts this long without use, such as 90m or 1d."
)
@json_option
def env_command(name: str, lease: float | None, as_json: bool) -> None:
    """Print how to reach the nodes of testnet NAME, and renew its lease.

    For a shell: eval "$(coda-executive env NAME)", then curl "$CODA_SEED_1_GRAPHQL" and so on.
    """
    from coda_executive.executive.keeping import find_kept

    kept = find_kept(name)
    kept.keeper.renew(name, lease)
    show_access(find_kept(name), as_json=as_json)


@click.command("start", context_settings=_HELP)
@click.argument("name")
@click.argument("nodes", metavar="[NODE]...", nargs=-1)
def start_command(name: str, nodes: tuple[str, ...]) -> None:
    """Start nodes of testnet NAME again, all by default, and renew its lease. Those that run are left alone.

    What belongs beside a node starts with it: the archive of an archive node, the workers of a coordinator.
    """
    kept, chosen = _chosen(name, nodes)
    kept.keeper.start_kept(name, chosen)
    kept.keeper.renew(name, None)


@click.command("stop", context_settings=_HELP)
@click.argument("name")
@click.argument("nodes", metavar="[NODE]...", nargs=-1)
def stop_command(name: str, nodes: tuple[str, ...]) -> None:
    """Stop nodes of testnet NAME, all by default, and renew its lease. Their state stays.

    What runs beside a node stops with it: also the archive of an archive node, which misses the blocks of that
    time if other nodes feed it. Its database stays.
    """
    kept, chosen = _chosen(name, nodes)
    kept.keeper.stop_kept(name, chosen)
    kept.keeper.renew(name, None)


@click.command("destroy", context_settings=_HELP)
@click.argument("name")
@click.option("--keep-state", is_flag=True, help="Leave the nodes' state and keys in the run directory.")
def destroy_command(name: str, keep_state: bool) -> None:
    """Destroy testnet NAME: stop its nodes, free their ports, remove their state and keys.

    Logs and history stay in the run directory.
    """
    from coda_executive.executive.keeping import find_kept
    from coda_executive.executive.run_directory import RunDirectory

    kept = find_kept(name)
    kept.keeper.destroy_kept(name)
    directory = RunDirectory(kept.testnet.directory)
    if not keep_state:
        directory.remove_node_state()
    click.echo(f"testnet {name} is destroyed; its logs stay in {directory.path}")


def show_access(kept: "Kept", *, as_json: bool) -> None:
    """Print what leads to each node of a testnet that is up."""
    from coda_executive.executive.access import node_accesses, variables

    testnet = kept.testnet
    accesses = node_accesses(testnet.directory, {node.id: node.pid for node in testnet.nodes})
    if as_json:
        nodes = {access.id: _access_row(access) for access in accesses}
        click.echo(json.dumps({**_row(kept), "nodes": nodes}, indent=2))
        return
    click.echo(
        f"# testnet {testnet.name} on {kept.engine}, destroyed after {shown(testnet.seconds_left)} without use"
    )
    click.echo(f"export CODA_RUN_DIRECTORY={shlex.quote(str(testnet.directory))}")
    click.echo(f"export CODA_NODES={shlex.quote(' '.join(access.id for access in accesses))}")
    for access in accesses:
        click.echo(f"# {access.id}, {access.role}{'' if access.pid is not None else ', not running'}")
        for name, value in variables(access):
            click.echo(f"export {name}={shlex.quote(value)}")


def _chosen(name: str, nodes: tuple[str, ...]) -> "tuple[Kept, list[NodeId]]":
    """The testnet, and the nodes that are meant, in the order of its plan."""
    from coda_executive.errors import ConfigError
    from coda_executive.executive.access import node_accesses
    from coda_executive.executive.keeping import find_kept

    kept = find_kept(name)
    there = [access.id for access in node_accesses(kept.testnet.directory, {})]
    for node in nodes:
        if node not in there:
            raise ConfigError(f"testnet {name} has no node {node!r}; it has {', '.join(there)}")
    return kept, [node for node in there if node in nodes or not nodes]


def _row(kept: "Kept") -> dict[str, Any]:
    testnet = kept.testnet
    return {
        "name": testnet.name,
        "engine": kept.engine,
        "directory": str(testnet.directory),
        "lease_seconds": testnet.lease,
        "seconds_left": round(testnet.seconds_left, 3),
        "nodes": {node.id: node.is_running for node in testnet.nodes},
        "companions": {
            name: pid is not None for node in testnet.nodes for name, pid in node.companions.items()
        },
    }


def _up(row: dict[str, Any]) -> str:
    """How many nodes run, and how many of the processes beside them, if there are any."""
    nodes, companions = row["nodes"], row["companions"]
    beside = f", {sum(companions.values())} of {len(companions)} beside them" if companions else ""
    return f"{sum(nodes.values())} of {len(nodes)}{beside}"


def _access_row(access: "NodeAccess") -> dict[str, Any]:
    return {
        "role": access.role,
        "running": access.pid is not None,
        "pid": access.pid,
        "graphql": access.graphql,
        "ports": access.ports,
        "directory": access.directory,
        "log": access.log,
        "public_key": access.public_key,
        "keys": access.keys,
    }

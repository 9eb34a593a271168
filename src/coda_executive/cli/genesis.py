"""`genesis`: files that networks start from, kept for later runs; and the options that name where they are."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

Command = Callable[..., Any]

_CREDENTIALS = "Credentials of a bucket come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."


def with_genesis_options(function: Command) -> Command:
    """Give a command the options that name a genesis store; they arrive as `genesis_store`, `_endpoint`, `_region`."""
    for option in (
        click.option("--genesis-region", metavar="NAME", help="Region of the bucket."),
        click.option(
            "--genesis-endpoint",
            metavar="URL",
            help="Address of an S3-compatible server; by default Amazon's.",
        ),
        click.option(
            "--genesis-store",
            metavar="PLACE",
            help=f"Take ledgers that are given by hash from a directory or s3://BUCKET[/PREFIX]. {_CREDENTIALS}",
        ),
    ):
        function = option(function)
    return function


def genesis_location(store: str | None, endpoint: str | None, region: str | None) -> Any:
    """The place that the options name, None without any. Raises ConfigError."""
    from coda_executive.errors import ConfigError
    from coda_executive.genesis_store.location import parse_location

    if store is None:
        if endpoint or region:
            raise ConfigError("--genesis-endpoint and --genesis-region belong to a --genesis-store")
        return None
    return parse_location(store, endpoint=endpoint, region=region)


@click.group("genesis", context_settings={"help_option_names": ["-h", "--help"]})
def genesis_command() -> None:
    """Keep the files that networks start from."""


@genesis_command.command("store")
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
@click.argument("target", metavar="PLACE")
@click.option(
    "--hash-file",
    required=True,
    type=click.Path(path_type=Path),
    help="What runtime-genesis-ledger wrote as its -hash-output-file.",
)
@click.option("--endpoint", metavar="URL", help="Address of an S3-compatible server; by default Amazon's.")
@click.option("--region", metavar="NAME", help="Region of the bucket.")
def store_command(
    directory: Path, target: str, hash_file: Path, endpoint: str | None, region: str | None
) -> None:
    """Store the files that `coda runtime-genesis-ledger` made in DIR.

    PLACE is a directory or s3://BUCKET[/PREFIX]; credentials come from AWS_ACCESS_KEY_ID and
    AWS_SECRET_ACCESS_KEY. A run finds them there by the ledger's hash with --genesis-store PLACE. Storing again
    what is there changes nothing.
    """
    import asyncio
    import os

    from coda_executive.genesis_store.genesis_files import read_genesis_directory, store
    from coda_executive.genesis_store.location import parse_location
    from coda_executive.genesis_store.object_store import opened_store

    location = parse_location(target, endpoint=endpoint, region=region)
    files = read_genesis_directory(directory, hash_file)

    async def put() -> int:
        async with opened_store(location, os.environ) as place:
            return len(await store(files, place))

    new = asyncio.run(put())
    for ledger in sorted({file.ledger for file in files}):
        click.echo(f"ledger {ledger} in {location}")
    click.echo(f"{len(files)} files, {new} of them new there")

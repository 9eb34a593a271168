"""Genesis files for a run, fetched before it begins: an engine's own event loop may know no real network."""

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass

from coda_executive.config.network import NetworkConfig
from coda_executive.config.validate import check
from coda_executive.genesis_store.genesis_files import FetchedGenesis, runtime_with_fetched_ledger
from coda_executive.genesis_store.location import Location
from coda_executive.genesis_store.object_store import opened_store
from coda_protocol.runtime_config import RuntimeConfig


@dataclass(frozen=True, slots=True)
class FoundGenesis:
    """The configuration with its ledgers' archives pinned by digest, and all nodes' genesis files by name."""

    runtime: RuntimeConfig
    files: Mapping[str, bytes]


def found_genesis(network: NetworkConfig, runtime: RuntimeConfig, location: Location | None) -> FoundGenesis:
    """Fetch what a configuration gives by hash, with the credentials of the environment.

    Without a location there is nothing to fetch. Raises ConfigError for a faulty configuration, before anybody
    is asked, and GenesisStoreError when the store cannot be used or lacks a ledger.
    """
    if location is None:
        return FoundGenesis(runtime, {})
    check(network, runtime)

    async def fetch(place: Location) -> FetchedGenesis:
        async with opened_store(place, os.environ) as store:
            return await runtime_with_fetched_ledger(runtime, store)

    fetched = asyncio.run(fetch(location))
    files = {file.name: file.content for file in fetched.files}
    return FoundGenesis(fetched.runtime, dict(sorted(files.items())))

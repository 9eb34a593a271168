"""Small networks of nodes in virtual time, and what to look for in their logs."""

from collections.abc import Callable
from typing import Any

from tests.coda_daemon.chain_testbed import (
    Site,
    World,
    genesis_of,
    make_config,
)

from coda_protocol import structured_events as events

START = (
    events.PERSISTED_FRONTIER_FRESH_BOOT,
    events.PERSISTED_FRONTIER_DROPPED,
    events.PERSISTED_FRONTIER_LOADED,
    events.TRANSITION_FRONTIER_LOADED_FROM_PERSISTENCE,
    events.STARTING_TRANSITION_FRONTIER_CONTROLLER,
    events.BOOTSTRAP_REQUIRED,
    events.STARTING_BOOTSTRAP_CONTROLLER,
    events.SNARKED_LEDGER_SYNCED,
    events.BOOTSTRAP_COMPLETE,
)
STATUS = (
    events.CONNECTING,
    events.LISTENING,
    events.BOOTSTRAPPING,
    events.LEDGER_CATCHUP,
    events.SYNCED,
)


def network(producers: int = 3, **config: Any) -> tuple[World, list[Site]]:
    """A seed and producers of equal stake, none of them started."""
    world = World(genesis_of(make_config(*[1000] * producers, **config)))
    seed = world.site("seed", is_seed=True)
    return world, [seed, *(world.site(f"producer {n}", producer=n) for n in range(1, producers + 1))]


def in_world(world: World) -> Callable[[Callable[[], Any]], None]:
    """Decorator that runs a test's body in virtual time, at once."""
    return world.run


def status(site: Site) -> str:
    return site.node.sync_status


def assert_no_complaints(sites: list[Site]) -> None:
    assert [line for site in sites for line in site.log.complaints()] == []

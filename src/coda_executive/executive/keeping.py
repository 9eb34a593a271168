"""Testnets that stay up after the command that deployed them: found over all engines, which it does not name."""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from coda_executive.errors import ConfigError, EngineError
from coda_executive.executive.engines import engine_names, find_engine
from coda_executive.interfaces.engine import Engine
from coda_executive.interfaces.keeping import Keeper, KeptTestnet
from coda_executive.interfaces.testnet import Testnet

DEFAULT_LEASE_SECONDS = 8 * 3600.0


@dataclass(frozen=True, slots=True)
class Keeping:
    """How a testnet is kept up: under a name, until it was not used for `lease` seconds."""

    name: str
    lease: float = DEFAULT_LEASE_SECONDS


# Called with a failed network still up and the run directory, in the run's event loop; None has it destroyed.
Pause = Callable[[Testnet, Path], Awaitable[Keeping | None]]


@dataclass(frozen=True, slots=True)
class Kept:
    """A testnet that is up, and the engine that it runs on."""

    engine: str
    keeper: Keeper
    testnet: KeptTestnet


def kept_testnets() -> Iterator[Kept]:
    """All testnets that are up, engine by engine. Raises EngineError."""
    for name in engine_names():
        engine = find_engine(name)
        if isinstance(engine, Keeper) and _can_run(engine):
            yield from (Kept(name, engine, testnet) for testnet in engine.kept())


def find_kept(name: str) -> Kept:
    """The testnet of that name. Raises ConfigError with the names there are."""
    all_of_them = list(kept_testnets())
    for kept in all_of_them:
        if kept.testnet.name == name:
            return kept
    there = ", ".join(kept.testnet.name for kept in all_of_them)
    raise ConfigError(f"no testnet named {name!r} is up; {f'there are: {there}' if there else 'none is'}")


def is_kept_up(directory: Path) -> bool:
    """Whether the testnet of this run directory is still up though its run has ended."""
    return any(kept.testnet.directory == directory.resolve() for kept in kept_testnets())


def keeper_of(engine: Engine) -> Keeper:
    """The engine as one that keeps testnets up. Raises ConfigError for one that cannot."""
    if not isinstance(engine, Keeper):
        raise ConfigError(
            f"the testnets of engine {engine.name} end with the command that deploys them, and cannot be queried "
            f"from outside; choose another --engine"
        )
    return engine


def refuse_taken_name(name: str) -> None:
    """Raise EngineError if a testnet of that name is up."""
    for kept in kept_testnets():
        if kept.testnet.name == name:
            raise EngineError(
                f"a testnet named {name} is up already, in {kept.testnet.directory}; choose another --name, or end "
                f"it with coda-executive destroy {name}"
            )


def _can_run(engine: Engine) -> bool:
    return all(finding.ok for finding in engine.check())

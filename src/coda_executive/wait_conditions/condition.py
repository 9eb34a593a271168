"""A wait condition: a value that says what it waits for, how long, and how far it got."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from coda_executive.config.node_id import NodeId
from coda_executive.config.plan import NetworkConstants
from coda_executive.observation.network_state import NetworkState
from coda_executive.wait_conditions.limits import Limits, Span


@dataclass(frozen=True, slots=True)
class Reached:
    """It is true; `value` is what the wait answers to the test."""

    value: Any = None


@dataclass(frozen=True, slots=True)
class NotYet:
    """`progress` says how far it got, such as "3 of 5 blocks". `look_again_ns` is the time, in nanoseconds since
    the run began, at which the verdict changes even if nothing is observed.
    """

    progress: str
    look_again_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Unreachable:
    """It can no longer come true; `reason` says why, and names the node."""

    reason: str


Verdict = Reached | NotYet | Unreachable
Check = Callable[[NetworkState], Verdict]


@dataclass(frozen=True, slots=True)
class NetworkFacts:
    """What conditions know of the network besides its state: constants, and each node's share of the stake (0
    to 1).
    """

    constants: NetworkConstants
    stake: Mapping[NodeId, float]
    boot_allowance: float  # seconds that the engine grants a daemon between start and initialisation

    def online_stake(self, state: NetworkState) -> float:
        """Share of the stake whose producers run now."""
        return sum(share for node, share in self.stake.items() if state.node(node).takes_part)


def _no_near_misses(_before: NetworkState, _now: NetworkState) -> tuple[str, ...]:
    return ()


@dataclass(frozen=True, slots=True)
class WaitCondition:
    """`description` completes "waiting for …".

    `begin` takes the state at the cursor where the wait starts and answers with the check, which depends on
    later states alone; it is given them in their order, and may remember what it has looked through. `limits`
    are computed when the wait begins, from the stake that is online then.

    `refresh` asks nodes for what no log line tells; the next check knows the answers. `near_misses` says, from
    the states at the wait's beginning and end, what was nearly it.
    """

    description: str
    begin: Callable[[NetworkState, NetworkFacts], Check]
    limits: Callable[[NetworkState, NetworkFacts], Limits]
    refresh: Callable[[], Awaitable[None]] | None = None
    near_misses: Callable[[NetworkState, NetworkState], tuple[str, ...]] = _no_near_misses

    def within(self, hard: Span, *, soft: Span | None = None) -> "WaitCondition":
        """The same with limits of the test's own; without `soft` there is no warning before the end."""
        limits = Limits(soft or hard, hard)
        return replace(self, limits=lambda _now, _facts: limits)

"""A wait condition: a value that says what it waits for, how long, and how far it got."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from coda_executive.config.node_id import NodeId
from coda_executive.config.plan import NetworkConstants
from coda_executive.observation.network_state import NetworkState
from coda_executive.wait_conditions.limits import Limits


@dataclass(frozen=True, slots=True)
class Reached:
    pass


@dataclass(frozen=True, slots=True)
class NotYet:
    """`progress` says how far it got, such as "3 of 5 blocks"."""

    progress: str


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


@dataclass(frozen=True, slots=True)
class WaitCondition:
    """`description` completes "waiting for …".

    `begin` takes the state at the cursor where the wait starts and answers with the check, which is a pure
    function of later states. `limits` are computed when the wait begins, from the stake that is online then.
    """

    description: str
    begin: Callable[[NetworkState, NetworkFacts], Check]
    limits: Callable[[NetworkState, NetworkFacts], Limits]

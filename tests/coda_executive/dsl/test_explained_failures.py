"""The whole explanation of typical failures, word for word: what a reader of a red run gets.

The texts are in `explanations/`. To see what a change does to them, run this file with UPDATE_EXPLANATIONS=1 and
read the difference.
"""

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from msgspec.structs import replace
from tests.coda_executive.wait_conditions.states import FACTS, SECOND, A, B, C, after, block, nodes, tip, up

from coda_executive.client.daemon_client import DaemonClient
from coda_executive.config.node_id import NodeId
from coda_executive.dsl.explanation import Around, Scenery, WaitInProgress, timed_out, unreachable
from coda_executive.dsl.sections import describe
from coda_executive.errors import CrashedNode, ExecutiveError, RequestFailed
from coda_executive.events.event import (
    BlockReceived,
    BreadcrumbAdded,
    ErrorLogged,
    Event,
    NodeCrashed,
    NodeStopped,
    SyncStatusChanged,
)
from coda_executive.interfaces.client import HttpReply
from coda_executive.interfaces.host import HostLoad
from coda_executive.interfaces.log_engine import LogRecord
from coda_executive.observation.delivery import DeliveryDelay
from coda_executive.observation.network_state import NetworkState
from coda_executive.wait_conditions.chain import blocks_to_be_produced, nodes_to_synchronize
from coda_executive.wait_conditions.condition import NotYet, Unreachable, WaitCondition
from coda_executive.wait_conditions.happenings import command_to_be_included, event_to_be_seen
from coda_protocol.currency import Amount, Fee
from coda_protocol.hashes import StateHash

GOLDEN = Path(__file__).parent / "explanations"
SYNCED = SyncStatusChanged("SYNCED")


@dataclass
class Story:
    """A wait that begins at `before` and sees `states`, one after the other, each at its own time."""

    condition: WaitCondition
    before: NetworkState
    states: list[NetworkState]
    around: Around = field(default_factory=Around)

    def error(self) -> ExecutiveError:
        """What the wait raises at the last state."""
        limits = self.condition.limits(self.before, FACTS)
        wait = WaitInProgress(self.condition, self.before.time_ns, limits)
        check = self.condition.begin(self.before, FACTS)
        now = self.before
        for now in (self.before, *self.states):
            verdict = check(now)
            if isinstance(verdict, NotYet):
                wait.note(verdict.progress, now.time_ns)
            if isinstance(verdict, Unreachable):
                return unreachable(wait, verdict.reason, self._scenery(now))
        return timed_out(wait, limits.hard.in_seconds(FACTS.constants.slot_ms), self._scenery(now))

    def _scenery(self, now: NetworkState) -> Scenery:
        return Scenery([A, B, C], self.before, now, FACTS, self.around)


def at(seconds: float, state: NetworkState) -> NetworkState:
    return replace(state, time_ns=round(seconds * SECOND))


def adoption(name: NodeId, state_hash: str) -> list[tuple[NodeId, Event]]:
    """A node hears of a block, which A need not, adds it, and takes it for its best tip."""
    heard: list[Event] = [] if name == A else [BlockReceived(StateHash(state_hash), "x")]
    return [(name, event) for event in (*heard, BreadcrumbAdded(StateHash(state_hash), ()), tip(state_hash))]


def chain(start: NetworkState, *seconds: float, first: int = 2) -> list[NetworkState]:
    """A block of A at each of these times, which all nodes adopt."""
    states = []
    for height, moment in enumerate(seconds, first):
        adopted = [event for name in (A, B, C) for event in adoption(name, f"3N{height}")]
        start = after((A, block(height)), *adopted, start=start, seconds=moment)
        states.append(start)
    return states


UP = at(1, up(A, B, C))


def dead_node() -> ExecutiveError:
    gone = after((C, NodeCrashed(137, None, ("out of memory",))), start=UP, seconds=3)
    return Story(nodes_to_synchronize(nodes(A, B, C)), UP, [gone]).error()


def partition() -> ExecutiveError:
    """A and B have a chain each; C follows A."""
    own = after((A, block(2)), (A, tip("3N2")), *adoption(C, "3N2"), start=UP, seconds=3)
    own = after((B, block(2, "b")), (B, tip("3N2b")), start=own, seconds=4)
    later = after((A, block(3)), (A, tip("3N3")), *adoption(C, "3N3"), start=own, seconds=17)
    faults = ("CutLink(node='block-producer-2', to='block-producer-1')",)
    return Story(
        nodes_to_synchronize(nodes(A, B, C)), UP, [own, at(19, later)], Around(faults=faults)
    ).error()


def silent_node() -> ExecutiveError:
    *_, last = states = chain(UP, 3, 5)
    for height, moment in enumerate((11, 17, 23, 29), 4):
        adopted = [event for name in (A, B) for event in adoption(name, f"3N{height}")]
        last = after((A, block(height)), *adopted, start=last, seconds=moment)
    last = after((A, SYNCED), (B, SYNCED), start=last, seconds=29)
    return Story(
        event_to_be_seen("a synced node", lambda event: event == SYNCED, nodes=nodes(C)),
        UP,
        [*states, at(30, last)],
    ).error()


def no_stake_online() -> ExecutiveError:
    stopped = after((A, NodeStopped(0, False)), (B, NodeStopped(0, False)), start=UP, seconds=4)
    return Story(blocks_to_be_produced(3), UP, [stopped]).error()


def slow_host() -> ExecutiveError:
    delay = DeliveryDelay()
    delay.take((LogRecord(A, 1, 0, "2030-01-01 00:00:01.000000Z", SYNCED),), 1 * SECOND)
    delay.take((LogRecord(A, 1, 0, "2030-01-01 00:00:09.000000Z", SYNCED),), 12 * SECOND)
    delay.take((LogRecord(C, 1, 0, "2030-01-01 00:00:10.000000Z", SYNCED),), 11 * SECOND)
    host = HostLoad(2, 9.3, 87.0, 3.0, 412, 2.25)
    states = [
        *chain(UP, 3),
        at(23, after((A, SYNCED), (B, SYNCED), (C, SYNCED), start=chain(UP, 3)[-1], seconds=21)),
    ]
    return Story(blocks_to_be_produced(3), UP, states, Around(delay=delay, host=host)).error()


def wait_begun_too_late() -> ExecutiveError:
    early = after((C, SYNCED), start=UP, seconds=2)
    before = at(5.2, early)
    (now,) = chain(before, 36)
    return Story(
        event_to_be_seen("a synced node", lambda event: event == SYNCED, nodes=nodes(C)),
        before,
        [at(37, now)],
    ).error()


def wrong_command() -> ExecutiveError:
    """Somebody else's payment is included, not the one that is waited for."""
    (made,) = chain(UP, 3)
    included = after(
        (A, BreadcrumbAdded(StateHash("3N2"), (("5JuOther", "Applied"),))), start=made, seconds=3
    )
    later = chain(included, 9, 15, 21, 27, 33, first=3)
    return Story(
        command_to_be_included("5JuMine"),
        UP,
        [included, *later, at(34, later[-1])],
        Around(loads=("spam: 9 payments sent: 9 accepted, 3 included, 0 failed, 0 refused, 0 lost",)),
    ).error()


def complaining_node() -> ExecutiveError:
    complaint = ErrorLogged("Error", "Failed to produce a block", None)
    now = after((A, complaint), (B, SYNCED), (C, SYNCED), start=UP, seconds=20)
    return Story(blocks_to_be_produced(1), UP, [at(21, now)]).error()


def failed_command() -> ExecutiveError:
    now = after((A, BreadcrumbAdded(StateHash("3N2"), (("5JuMine", "Failed"),))), start=UP, seconds=3)
    return Story(command_to_be_included("5JuMine"), UP, [now]).error()


def deaf_node() -> ExecutiveError:
    """B gets no block of A's, and lives."""
    state, states = UP, []
    for height in (2, 3, 4):
        adopts = [event for name in (A, C) for event in adoption(name, f"3N{height}")]
        state = after((A, block(height)), *adopts, (B, SYNCED), start=state, seconds=2 * height)
        states.append(state)
    return Story(nodes_to_synchronize(nodes(A, B, C)), UP, [*states, at(10, state)]).error()


def crashed_during_a_wait() -> ExecutiveError:
    return CrashedNode(C, None, "SIGKILL", ("the last line",)).during(
        "6 blocks to be produced", "3 of 6 blocks"
    )


def rejected_command() -> ExecutiveError:
    """What a node answers to a nonce that leaves one out."""

    class Transport:
        async def post(self, path: str, body: bytes, *, content_type: str, seconds: float) -> HttpReply:
            return HttpReply(
                200, b'{"errors": [{"message": "Invalid_nonce: expected a nonce from 3 to 5, found 9"}]}'
            )

    client = DaemonClient(C, Transport())
    with pytest.raises(RequestFailed) as caught:
        asyncio.run(client.send_payment("B62a", "B62b", amount=Amount(1), fee=Fee(1), nonce=9))
    return caught.value


@pytest.mark.parametrize(
    "story",
    [
        dead_node,
        partition,
        silent_node,
        no_stake_online,
        slow_host,
        wait_begun_too_late,
        wrong_command,
        complaining_node,
        failed_command,
        deaf_node,
        crashed_during_a_wait,
        rejected_command,
    ],
    ids=lambda story: str(story.__name__),
)
def test_a_failure_is_explained(story: Callable[[], ExecutiveError]) -> None:
    error = story().with_traceback(None)  # the line of a test is told as well, and moves with this file
    told = f"{type(error).__name__}: {describe(error)}\n"
    golden = GOLDEN / f"{story.__name__}.txt"
    if os.environ.get("UPDATE_EXPLANATIONS"):
        golden.write_text(told)

    assert told == golden.read_text()

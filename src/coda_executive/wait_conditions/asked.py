"""Waiting for what no log line tells: the nodes are asked, again and again, until the answer is right."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from coda_executive.config.node_id import NodeId
from coda_executive.errors import RequestFailed
from coda_executive.interfaces.client import NodeClient
from coda_executive.interfaces.node import Node
from coda_executive.observation.network_state import NetworkState
from coda_executive.wait_conditions.chain import block_limits
from coda_executive.wait_conditions.condition import (
    Check,
    NetworkFacts,
    NotYet,
    Reached,
    Verdict,
    WaitCondition,
)
from coda_executive.wait_conditions.dead_nodes import first_dead

T = TypeVar("T")


def answer_to_be(
    what: str,
    nodes: Sequence[Node],
    ask: Callable[[NodeClient], Awaitable[T]],
    is_right: Callable[[T], bool],
) -> WaitCondition:
    """All these nodes, asked by GraphQL, answer what `is_right` takes; a request that fails is asked again.

    The wait answers a list of the answers, in the order of the nodes. Limits are those of 4 blocks.
    """
    names = tuple(node.id for node in nodes)
    right: dict[NodeId, T] = {}
    wrong: dict[NodeId, str] = {}

    async def refresh() -> None:
        for node in nodes:
            try:
                answer = await ask(node.client)
            except RequestFailed as error:
                right.pop(node.id, None)
                wrong[node.id] = f"no answer: {error}"
                continue
            if is_right(answer):
                right[node.id] = answer
            else:
                right.pop(node.id, None)
                wrong[node.id] = repr(answer)

    def begin(_before: NetworkState, _facts: NetworkFacts) -> Check:
        right.clear()
        wrong.clear()

        def check(now: NetworkState) -> Verdict:
            missing = [name for name in names if name not in right]
            if not missing:
                return Reached([right[name] for name in names])
            shown = "; ".join(f"{name}: {wrong.get(name, 'not asked yet')[:300]}" for name in missing)
            return first_dead(missing, now) or NotYet(shown)

        return check

    return WaitCondition(what, begin, block_limits(4, extra_slots=4), refresh)


def peers_to_be_connected(nodes: Sequence[Node], *, peers: int | None = None) -> WaitCondition:
    """Each of these nodes lists at least so many peers; by default as many as there are others in `nodes`."""
    wanted = len(nodes) - 1 if peers is None else peers

    async def peer_ids(client: NodeClient) -> list[str]:
        return sorted({peer.peer_id for peer in await client.peers()})

    return answer_to_be(
        f"{len(nodes)} nodes to have {wanted} peers each", nodes, peer_ids, lambda ids: len(ids) >= wanted
    )

"""Asking nodes: all must answer right, failures are asked again, and an old answer is never taken for a new one."""

from dataclasses import dataclass, field
from typing import Any, cast

from tests.coda_executive.wait_conditions.states import FACTS, A, B, up

from coda_executive.config.node_id import NodeId
from coda_executive.errors import RequestFailed
from coda_executive.interfaces.client import NodeClient, Peer
from coda_executive.interfaces.node import Node
from coda_executive.wait_conditions.asked import answer_to_be, peers_to_be_connected
from coda_executive.wait_conditions.condition import NotYet, Reached, Verdict, WaitCondition


@dataclass
class ScriptedClient:
    """Answers `sync_status` and `peers` as it is told, or fails."""

    status: str = "BOOTSTRAP"
    peer_ids: tuple[str, ...] = ()
    fails: bool = False

    async def sync_status(self) -> str:
        if self.fails:
            raise RequestFailed("refused", definite=True)
        return self.status

    async def peers(self) -> tuple[Peer, ...]:
        return tuple(Peer("127.0.0.1", 1, peer) for peer in self.peer_ids)


@dataclass
class AskedNode:
    id: NodeId
    client: ScriptedClient = field(default_factory=ScriptedClient)


def synced(*nodes: AskedNode) -> WaitCondition:
    async def ask(client: NodeClient) -> str:
        return await client.sync_status()

    return answer_to_be("sync", [cast(Node, node) for node in nodes], ask, lambda answer: answer == "SYNCED")


async def looked_at(condition: WaitCondition, check: Any) -> Verdict:
    assert condition.refresh is not None
    await condition.refresh()
    verdict: Verdict = check(up(A, B))
    return verdict


async def test_all_must_answer_right() -> None:
    first, second = AskedNode(A), AskedNode(B)
    condition = synced(first, second)
    check = condition.begin(up(A, B), FACTS)

    assert check(up(A, B)) == NotYet("block-producer-1: not asked yet; block-producer-2: not asked yet")
    first.client.status = "SYNCED"
    assert await looked_at(condition, check) == NotYet("block-producer-2: 'BOOTSTRAP'")
    second.client.status = "SYNCED"
    assert await looked_at(condition, check) == Reached(["SYNCED", "SYNCED"])


async def test_a_failed_request_takes_an_earlier_answer_back() -> None:
    node = AskedNode(A, ScriptedClient("SYNCED"))
    condition = synced(node)
    check = condition.begin(up(A), FACTS)
    assert isinstance(await looked_at(condition, check), Reached)

    node.client.fails = True

    assert await looked_at(condition, check) == NotYet("block-producer-1: no answer: refused")


async def test_a_second_wait_asks_anew() -> None:
    condition = synced(AskedNode(A, ScriptedClient("SYNCED")))
    assert isinstance(await looked_at(condition, condition.begin(up(A), FACTS)), Reached)

    assert isinstance(condition.begin(up(A), FACTS)(up(A)), NotYet)


async def test_peers_count_once_each() -> None:
    node = AskedNode(A, ScriptedClient(peer_ids=("12D3a", "12D3a")))
    condition = peers_to_be_connected([cast(Node, node)], peers=2)
    check = condition.begin(up(A), FACTS)

    assert await looked_at(condition, check) == NotYet("block-producer-1: ['12D3a']")
    node.client.peer_ids = ("12D3a", "12D3b")
    assert isinstance(await looked_at(condition, check), Reached)

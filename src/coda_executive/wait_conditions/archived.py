"""Waiting for what archives hold."""

from coda_executive.client.archive_client import archive_of
from coda_executive.errors import RequestFailed
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


def chain_to_be_archived(state_hash: str, node: Node) -> WaitCondition:
    """The archive of this node holds the block with this state hash, and every block between it and genesis.

        tip = (await node.client.best_chain(1))[-1]
        await dsl.wait_for(chain_to_be_archived(tip.state_hash, node))

    The wait answers these blocks, genesis first. Limits are those of 4 blocks.
    """
    archive = archive_of(node)
    verdict: Verdict = NotYet("the archive was not asked yet")

    async def refresh() -> None:
        nonlocal verdict
        try:
            chain, first = await archive.chain(state_hash), await archive.min_height()
        except RequestFailed as error:
            verdict = NotYet(f"no answer: {error}")
            return
        if not chain:
            verdict = NotYet(f"the archive is at height {await archive.max_height()} and has no such block")
        elif chain[0].height > first:
            verdict = NotYet(f"the archive misses {chain[0].parent_hash} at height {chain[0].height - 1}")
        else:
            verdict = Reached(chain)

    def begin(_before: NetworkState, _facts: NetworkFacts) -> Check:
        return lambda _now: verdict

    return WaitCondition(
        f"{node.id} to have archived the chain to {state_hash}",
        begin,
        block_limits(4, extra_slots=4),
        refresh,
    )

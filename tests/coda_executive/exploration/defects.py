"""Defects of consensus, ledger and persistence that a search must find on the network of `power`."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from tests.coda_executive.planting import Original, replacement

from coda_daemon.blocks import Block
from coda_daemon.consensus.building import Built
from coda_daemon.frontier.frontier import Diff, Frontier
from coda_daemon.ledger.account import Account
from coda_daemon.ledger.coinbase import apply_coinbase
from coda_daemon.ledger.draft import Draft
from coda_daemon.ledger.transactions import Refusal, RefusedError
from coda_daemon.mempool import Mempool, View
from coda_daemon.persistence import FrontierStore


@dataclass(frozen=True)
class Defect:
    """What replaces which functions. The first error of a run that shows it has one of `told`."""

    planted: Mapping[str, Callable[..., Any]]
    told: tuple[str, ...]

    def plant(self) -> None:
        """In this process, for good."""
        for place, planted in self.planted.items():
            setattr(*replacement(place, planted))


# ---- consensus ----


def newcomer_wins(original: Original, candidate: Block, existing: Block, constants: Any) -> bool:
    return original(candidate, existing, constants) or (
        candidate.blockchain_length == existing.blockchain_length
    )


def later_slot_wins(_original: Original, candidate: Block, existing: Block, _constants: Any) -> bool:
    return candidate.global_slot > existing.global_slot


def share_of_itself(original: Original, stake: int, _total: int) -> int:
    return int(original(stake, stake))


def unchecked_from_catchup(
    original: Original, node: Any, following: Any, block: Block, sender: Any, **named: Any
) -> bool:
    """Blocks that come by gossip have a sender; the others are believed, and change no ledger."""
    if sender is not None:
        return bool(original(node, following, block, sender, **named))
    parent = following.controller.frontier.breadcrumb(block.previous_state_hash)
    following.controller.validated = lambda _block: replace(parent, block=block)
    try:
        return bool(original(node, following, block, sender, **named))
    finally:
        del following.controller.validated


def nothing_is_fetched(_original: Original, *_arguments: Any) -> None:
    return None


def future_is_now(original: Original, block: Block, now: int, delta: int) -> str | None:
    reason: str | None = original(block, now, delta)
    return None if reason == "too early" else reason


def empty_sub_windows_keep_their_counts(
    original: Original, densities: Any, constants: Any, *, to_slot: int, **named: Any
) -> Any:
    """As if the sub-window before had been the parent's."""
    last_of_one_before = max(named.pop("from_slot"), to_slot - to_slot % constants.slots_per_sub_window - 1)
    return original(densities, constants, from_slot=last_of_one_before, to_slot=to_slot, **named)


# ---- ledger ----


def nonce_stays(original: Original, draft: Draft, payer: Account, *rest: Any) -> Any:
    import msgspec

    return original(draft, msgspec.structs.replace(payer, nonce=payer.nonce - 1), *rest)


def any_nonce_will_do(original: Original, draft: Draft, command: Any, slot: Any, rules: Any) -> Account:
    try:
        return original(draft, command, slot, rules)  # type: ignore[no-any-return]
    except RefusedError as error:
        payer = draft.account(command.fee_payer)
        if error.reason is not Refusal.INVALID_NONCE or payer is None:
            raise
        return payer


def all_come_back(
    original: Original, pool: Mempool, view: View, *, added: Iterable[Block], removed: Iterable[Block]
) -> Any:
    """After a re-organisation of several blocks, what left the chain is pending again, included or not."""
    result = original(pool, view, added=added, removed=removed)
    if len(tuple(removed)) > 1:
        for command in commands_of(removed):
            queue = pool._queues.setdefault(command.fee_payer, [])
            if command not in queue:
                queue.insert(0, command)
                pool._by_hash[command.hash] = command
    return result


def commands_of(blocks: Iterable[Block]) -> list[Any]:
    from coda_daemon.ledger.command import parse_command

    return [parse_command(included.id) for block in blocks for included in block.body.commands]


def coinbase_again(original: Original, controller: Any, built: Built, **named: Any) -> Diff:
    """The block that several others were given up for pays its producer once more."""
    diff: Diff = original(controller, built, **named)
    if diff.best_tip is not None and len(diff.best_tip.removed) > 1:
        frontier = controller.frontier
        draft = Draft(frontier.best_tip.ledger)
        apply_coinbase(draft, built.block.coinbase_receiver, built.block.body.coinbase, 0, creation_fee=0)  # type: ignore[arg-type]
        paid = replace(built, ledger=draft.ledger())
        blocks = {**frontier._state.blocks, built.block.state_hash: paid}
        frontier._state = replace(frontier._state, best_tip=paid, blocks=blocks)
    return diff


# ---- persistence ----


def own_blocks_left_out(
    original: Original, store: FrontierStore, frontier: Frontier, block: Block, *, durably: bool
) -> None:
    if not durably:
        original(store, frontier, block, durably=durably)


def torn_end_stays(original: Original, data: bytes) -> Any:
    records, _end = original(data)
    return records, len(data)


def short_memory(original: Original, store: FrontierStore) -> Frontier:
    frontier: Frontier = original(store)
    constants = frontier._state.constants
    frontier._state = replace(frontier._state, constants=replace(constants, k=constants.k // 2))
    return frontier


def best_branch_only(original: Original, store: FrontierStore, frontier: Frontier, record: bytes) -> None:
    from coda_daemon.blocks import decode_block

    if decode_block(record).previous_state_hash == frontier.best_tip.block.state_hash:
        original(store, frontier, record)


FRONTIER, STORE = "coda_daemon.frontier.frontier", "coda_daemon.persistence:FrontierStore"
LEDGER = "coda_daemon.ledger.transactions"
DEFECTS = {
    "of equal chains the newcomer wins": Defect(
        {f"{FRONTIER}:is_better": newcomer_wins}, ("InvariantViolated: chain-selection: ",)
    ),
    "the later slot wins": Defect(
        {f"{FRONTIER}:is_better": later_slot_wins}, ("InvariantViolated: chain-selection: ",)
    ),
    "every stake is held against itself": Defect(
        {"coda_daemon.consensus.lottery:threshold": share_of_itself}, ("InvariantViolated: chain-quality: ",)
    ),
    "a block from the future is taken": Defect(
        {"coda_daemon.node:timeliness": future_is_now}, ("InvariantViolated: no-early-block: ",)
    ),
    "empty sub-windows keep their counts": Defect(
        {"coda_daemon.consensus.building:advanced": empty_sub_windows_keep_their_counts},
        ("InvariantViolated: window-density: ",),
    ),
    "catchup believes what it is sent": Defect(
        {"coda_daemon.node:Node._add": unchecked_from_catchup}, ("Rejecting block ",)
    ),
    "nothing is fetched that is missing": Defect(
        {"coda_daemon.catchup:Catchup.want": nothing_is_fetched}, ("nodes to synchronise",)
    ),
    "no nonce is used up": Defect({f"{LEDGER}:_pay": nonce_stays}, ("InvariantViolated: nonce-order: ",)),
    "a re-org brings back what is included": Defect(
        {f"{LEDGER}:_checked_payer": any_nonce_will_do, "coda_daemon.mempool:Mempool.follow": all_come_back},
        ("InvariantViolated: nonce-order: ",),
    ),
    "a re-org pays the coinbase again": Defect(
        {"coda_daemon.frontier_controller:FrontierController.add": coinbase_again}, ("Rejecting block ",)
    ),
    "own blocks are not journalled": Defect(
        {f"{STORE}.append": own_blocks_left_out},
        ("InvariantViolated: restart-keeps-tip: ", "InvariantViolated: one-block-per-slot: "),
    ),
    "the torn end of the journal stays": Defect(
        {"coda_daemon.persistence:_records": torn_end_stays}, ("InvariantViolated: restart-keeps-tip: ",)
    ),
    "a restart forgets half of k": Defect(
        {f"{STORE}.load": short_memory}, ("InvariantViolated: finality: ",)
    ),
    "side branches are not read back": Defect(
        {f"{STORE}._replay": best_branch_only}, ("InvariantViolated: restart-keeps-tip: ",)
    ),
}

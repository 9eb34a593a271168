from dataclasses import replace
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from tests.coda_daemon.chain_testbed import (
    GENESIS_MS,
    SLOT_MS,
    chain,
    genesis_of,
    key,
    make_config,
    next_block,
)

from coda_daemon.blocks import Block, Body, body_digest, decode_block, make_block
from coda_daemon.consensus.building import Built, InvalidBlockError, timeliness, validated
from coda_protocol.slots import GlobalSlot

GENESIS = genesis_of(make_config(1000, 500, slots_per_epoch=30, grace=9))
CHAIN = [GENESIS.built, *chain(GENESIS, 40)]
PARENT, BLOCK = CHAIN[10], CHAIN[11].block


def check(block: Block, parent: Built = PARENT) -> Built:
    return validated(block, parent, GENESIS.rules)


def with_consensus(**changes: Any) -> Block:
    state = msgspec.structs.replace(BLOCK.consensus_state, **changes)
    return make_block(
        BLOCK.previous_state_hash, msgspec.structs.replace(BLOCK.state, consensus_state=state), BLOCK.body
    )


def with_chain_state(**changes: Any) -> Block:
    state = msgspec.structs.replace(BLOCK.state.blockchain_state, **changes)
    return make_block(
        BLOCK.previous_state_hash, msgspec.structs.replace(BLOCK.state, blockchain_state=state), BLOCK.body
    )


def test_block_that_came_over_the_wire_is_valid_and_gives_the_same_ledger() -> None:
    for parent, built in pairwise(CHAIN):
        again = check(decode_block(built.block.encoded), parent)

        assert again.block.state_hash == built.block.state_hash
        assert again.ledger.hash == built.ledger.hash == built.block.ledger_hash


def test_block_states_what_follows_from_its_parent() -> None:
    before, after = PARENT.block.consensus_state, BLOCK.consensus_state

    assert after.blockchain_length == before.blockchain_length + 1
    assert after.total_currency == before.total_currency + GENESIS.rules.coinbase
    assert BLOCK.body == Body(GENESIS.rules.coinbase)
    assert BLOCK.state.blockchain_state.timestamp == GENESIS_MS + BLOCK.global_slot * SLOT_MS
    assert BLOCK.state.genesis_state_hash == GENESIS.block.state_hash
    assert after.has_ancestor_in_same_checkpoint_window
    assert (after.block_creator, after.block_stake_winner, after.supercharge_coinbase) == (
        key(1),
        key(1),
        False,
    )


def test_new_accounts_creation_fee_leaves_the_total_currency() -> None:
    built = next_block(GENESIS, PARENT, 1, receiver=9)

    gained = built.block.consensus_state.total_currency - PARENT.block.consensus_state.total_currency
    assert gained == GENESIS.rules.coinbase - GENESIS.rules.body.commands.account_creation_fee
    account = built.ledger.account(key(9))
    assert account is not None
    assert account.balance == gained
    assert check(built.block).ledger.hash == built.ledger.hash


@pytest.mark.parametrize(
    "changes",
    [
        {"blockchain_length": 99},
        {"epoch_count": 7},
        {"min_window_density": 0},
        {"sub_window_densities": (0, 0, 0)},
        {"last_vrf_output": bytes(32)},
        {"total_currency": 1},
        {"has_ancestor_in_same_checkpoint_window": False},
        {"supercharge_coinbase": True},
        {"staking_epoch_data": BLOCK.consensus_state.next_epoch_data},
        {"next_epoch_data": BLOCK.consensus_state.staking_epoch_data},
        {"coinbase_receiver": key(2)},
        {"coinbase_receiver": "B62nonsense"},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_block_that_states_anything_else_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidBlockError):
        check(with_consensus(**changes))


def test_refusal_names_the_member_with_what_was_expected_and_found() -> None:
    with pytest.raises(InvalidBlockError, match=r"consensus_state\.blockchain_length: expected 12, found 99"):
        check(with_consensus(blockchain_length=99))


@pytest.mark.parametrize(
    "changes",
    [{"timestamp": 1}, {"staged_ledger_hash": "jw"}, {"snarked_ledger_hash": "jw"}, {"body_hash": b""}],
    ids=lambda changes: next(iter(changes)),
)
def test_block_of_another_ledger_or_time_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidBlockError, match=r"blockchain_state\." + next(iter(changes))):
        check(with_chain_state(**changes))


def test_block_with_more_coinbase_is_refused() -> None:
    greedy = Body(BLOCK.body.coinbase + 1)
    chain_state = msgspec.structs.replace(BLOCK.state.blockchain_state, body_hash=body_digest(greedy))
    state = msgspec.structs.replace(BLOCK.state, blockchain_state=chain_state)

    with pytest.raises(InvalidBlockError, match=r"body\.coinbase"):
        check(make_block(BLOCK.previous_state_hash, state, greedy))


def test_block_of_another_network_is_refused() -> None:
    state = msgspec.structs.replace(BLOCK.state, genesis_state_hash="3N")

    with pytest.raises(InvalidBlockError, match="genesis_state_hash"):
        check(make_block(BLOCK.previous_state_hash, state, BLOCK.body))


def test_block_on_another_parent_is_refused() -> None:
    with pytest.raises(InvalidBlockError, match="expected parent"):
        check(BLOCK, CHAIN[9])


def test_block_of_a_slot_that_its_creator_did_not_win_is_refused() -> None:
    won = {built.block.global_slot for built in CHAIN}
    lost = next(s for s in range(PARENT.block.global_slot + 1, 1000) if s not in won)

    with pytest.raises(InvalidBlockError, match=f"did not win slot {lost}"):
        check(with_consensus(global_slot=lost))


def test_winner_whose_stake_is_not_the_creators_is_refused() -> None:
    with pytest.raises(InvalidBlockError, match="no stake delegated"):
        check(with_consensus(block_stake_winner=key(2)))
    with pytest.raises(InvalidBlockError, match="no stake delegated"):
        check(with_consensus(block_creator=key(7), block_stake_winner=key(7)))


def test_slot_that_is_not_after_the_parents_is_refused() -> None:
    with pytest.raises(InvalidBlockError, match="expected a slot after"):
        check(with_consensus(global_slot=PARENT.block.global_slot))


def test_block_two_epochs_after_its_parent_is_refused() -> None:
    with pytest.raises(InvalidBlockError, match="two or more epochs"):
        check(with_consensus(global_slot=PARENT.block.global_slot + 60))


def test_block_from_the_end_of_the_chain_on_is_refused() -> None:
    ended = replace(GENESIS.rules, slot_chain_end=BLOCK.global_slot)

    with pytest.raises(InvalidBlockError, match="expected no block from slot"):
        validated(BLOCK, PARENT, ended)


@pytest.mark.parametrize(
    ("ahead", "delta", "verdict"),
    [(0, 0, None), (-1, 0, "too early"), (1, 0, "too late"), (2, 2, None), (3, 2, "too late")],
)
def test_block_is_timely_within_delta_slots_of_its_own(ahead: int, delta: int, verdict: str | None) -> None:
    assert timeliness(BLOCK, GlobalSlot(BLOCK.global_slot + ahead), delta) == verdict

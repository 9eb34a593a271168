"""Commands in blocks: what a producer may put into one, and what receivers refuse (daemon contract I.5 to I.7)."""

from dataclasses import replace

import msgspec
import pytest
from tests.coda_daemon.chain_testbed import genesis_of, key, make_config, next_block
from tests.coda_daemon.commands_testbed import COIN, FEE, payment

from coda_daemon.blocks import Body, FeeTransfer, Included, body_digest, decode_block, make_block
from coda_daemon.consensus.body import Contents, choose_commands
from coda_daemon.consensus.building import Built, InvalidBlockError, Rules, validated
from coda_daemon.consensus.purchase import choose_contents
from coda_daemon.ledger.command import command_of
from coda_daemon.ledger.ledger import total_currency
from coda_daemon.ledger.transactions import Failure
from coda_protocol.slots import GlobalSlot

GENESIS = genesis_of(make_config(100, 100))
GOOD, FAILING = payment(2, 1, 3), payment(2, 7, COIN - 1, nonce=1)
BUILT = next_block(GENESIS, GENESIS.built, receiver=9, commands=[GOOD, FAILING])
SLOT = GlobalSlot(1)


def refusal(body: Body, rules: Rules = GENESIS.rules) -> str:
    """Why the block with another body, named by it, is refused."""
    state = BUILT.block.state
    blockchain = msgspec.structs.replace(state.blockchain_state, body_hash=body_digest(body))
    state = msgspec.structs.replace(state, blockchain_state=blockchain)
    with pytest.raises(InvalidBlockError) as refused:
        validated(make_block(BUILT.block.previous_state_hash, state, body), GENESIS.built, rules)
    return str(refused.value)


def test_a_block_holds_commands_with_their_fate_and_a_fee_transfer() -> None:
    body = BUILT.block.body

    assert body.commands == (
        Included(GOOD.id, None),
        Included(FAILING.id, Failure.AMOUNT_INSUFFICIENT_TO_CREATE_ACCOUNT),
    )
    assert body.fee_transfers == (FeeTransfer(key(9), 2 * FEE),)
    receiver = BUILT.ledger.account(key(9))
    assert receiver is not None
    creation_fee = GENESIS.rules.body.commands.account_creation_fee
    assert receiver.balance == GENESIS.rules.coinbase - creation_fee + 2 * FEE
    assert BUILT.block.consensus_state.total_currency == total_currency(BUILT.ledger)


def test_a_received_block_is_validated_to_the_same_ledger() -> None:
    block = decode_block(BUILT.block.encoded)

    again = validated(block, GENESIS.built, GENESIS.rules)

    assert again.ledger.hash == BUILT.ledger.hash
    assert again.block.body == BUILT.block.body


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"commands": (Included(FAILING.id, None),)}, "Invalid_nonce"),
        ({"commands": (Included(GOOD.id, None), Included(GOOD.id, None))}, "Invalid_nonce"),
        ({"commands": (Included("nonsense", None),)}, "body.commands: transaction id"),
        ({"commands": (Included(GOOD.id, None), Included(FAILING.id, None))}, "body.commands"),
        ({"commands": (Included(GOOD.id, None),)}, "body.fee_transfers"),
        ({"fee_transfers": ()}, "body.fee_transfers"),
        ({"fee_transfers": (FeeTransfer(key(1), 2 * FEE),)}, "body.fee_transfers"),
    ],
)
def test_a_body_that_does_not_follow_from_its_commands_is_refused(
    changes: dict[str, object], expected: str
) -> None:
    assert expected in refusal(msgspec.structs.replace(BUILT.block.body, **changes))


def test_a_forged_signature_is_refused() -> None:
    signature = replace(GOOD.signed.signature, scalar=GOOD.signed.signature.scalar ^ 1)
    forged = command_of(replace(GOOD.signed, signature=signature))
    commands = (Included(forged.id, None), BUILT.block.body.commands[1])

    assert "Invalid_signature" in refusal(msgspec.structs.replace(BUILT.block.body, commands=commands))


def test_a_block_has_room_for_so_many_transactions() -> None:
    """2^3 here, of which the coinbase and the fee transfer take two."""
    full, overfull = (
        next_block(GENESIS, GENESIS.built, commands=[payment(2, 1, nonce=nonce) for nonce in range(count)])
        for count in (6, 7)
    )

    assert len(validated(full.block, GENESIS.built, GENESIS.rules).block.body.commands) == 6
    with pytest.raises(InvalidBlockError, match="at most 8 transactions, found 9"):
        validated(overfull.block, GENESIS.built, GENESIS.rules)


def test_from_slot_tx_end_on_a_block_has_no_transactions_at_all() -> None:
    ended = replace(GENESIS.rules, body=replace(GENESIS.rules.body, slot_tx_end=BUILT.block.global_slot))

    assert "expected no transactions from slot" in refusal(BUILT.block.body, ended)
    only_coinbase = Body(BUILT.block.body.coinbase)
    assert "expected no transactions from slot" in refusal(only_coinbase, ended)
    chosen = choose_contents(
        GENESIS.ledger, BUILT.scan, [GOOD], SLOT, key(9), ended.coinbase, ended.body, lambda _bundle: None
    )
    assert chosen == Contents(has_coinbase=False)
    empty = next_block(replace(GENESIS, rules=ended), GENESIS.built, has_coinbase=False)
    assert validated(empty.block, GENESIS.built, ended).block.body == Body(0)


def test_a_producer_leaves_out_what_does_not_fit_and_what_follows_it() -> None:
    rich_later = payment(1, 2, 5)
    too_dear = payment(2, 1, 1000 * COIN)
    candidates = [too_dear, payment(2, 1, nonce=1), rich_later, payment(1, 2, nonce=2)]

    assert choose_commands(GENESIS.ledger, candidates, SLOT, GENESIS.rules.body) == (rich_later,)


def test_a_producer_leaves_room_for_coinbase_and_fee_transfer() -> None:
    candidates = [payment(2, 1, nonce=nonce) for nonce in range(10)]
    rules = GENESIS.rules.body

    chosen = choose_commands(GENESIS.ledger, candidates, SLOT, rules)

    assert len(chosen) == rules.capacity - 2 == 6
    block: Built = next_block(GENESIS, GENESIS.built, commands=chosen)
    assert validated(block.block, GENESIS.built, GENESIS.rules).block.body.commands

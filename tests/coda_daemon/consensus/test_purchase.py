"""What producers buy, and what receivers make of it."""

from collections.abc import Callable
from dataclasses import replace

import msgspec
import pytest
from tests.coda_daemon.chain_testbed import genesis_of, key, make_config

from coda_daemon.blocks import Block, body_digest, make_block
from coda_daemon.consensus.body import transactions_in
from coda_daemon.consensus.building import Built, InvalidBlockError, build_block, validated
from coda_daemon.consensus.epochs import staking_data_for
from coda_daemon.consensus.lottery import Win, first_win
from coda_daemon.consensus.purchase import choose_contents
from coda_daemon.consensus.vrf import VrfKey
from coda_daemon.genesis import Genesis
from coda_daemon.ledger.command import Command, command_of
from coda_daemon.snark.statement import Bundle
from coda_daemon.snark.work import Work, proved, spec_of
from coda_protocol.commands import Payment, UserCommand
from coda_protocol.currency import Amount, Fee
from coda_protocol.hashes import LedgerHash
from coda_protocol.runtime_config import TwoToThe
from coda_protocol.sample_keys import sample_keypair
from coda_protocol.signatures import TESTNET
from coda_protocol.signing import sign
from coda_protocol.slots import GlobalSlot

Find = Callable[[Bundle], Work | None]
PROVER = key(2)
CODA = 10**9


def genesis(exponent: int = 2) -> Genesis:
    config = make_config(1000, 500)
    assert config.proof is not None
    proof = msgspec.structs.replace(
        config.proof, level="check", transaction_capacity=TwoToThe(exponent), work_delay=1
    )
    return genesis_of(msgspec.structs.replace(config, proof=proof))


GENESIS = genesis()
RULES = GENESIS.rules.body.commands


def payments(count: int, *, first: int = 0, fee: int = CODA) -> list[Command]:
    payer = sample_keypair(2)
    return [
        command_of(
            sign(
                UserCommand(
                    fee_payer=payer.public,
                    fee=Fee(fee),
                    nonce=nonce,
                    body=Payment(sample_keypair(1).public, Amount(1)),
                ),
                payer,
                TESTNET,
            )
        )
        for nonce in range(first, first + count)
    ]


def won(parent: Built, network: Genesis = GENESIS) -> Win:
    """The next slot of sample key 1, drawn by its private key."""
    vrf, rules = VrfKey(sample_keypair(1)), network.rules
    data = staking_data_for(
        parent.block.consensus_state, GlobalSlot(parent.block.global_slot + 1), rules.constants
    )
    assert data is not None
    stakers = rules.stakes[LedgerHash(data.ledger_hash)].stakers_of(key(1))
    slots = map(GlobalSlot, range(parent.block.global_slot + 1, 10_000))
    win = first_win(data.seed, slots, stakers, vrf.output)
    assert win is not None
    return replace(win, proof=vrf.prove(data.seed, win.slot, key(1)))


def block_on(parent: Built, commands: list[Command], find: Find, network: Genesis = GENESIS) -> Built:
    rules, win = network.rules, won(parent, network)
    contents = choose_contents(
        parent.ledger, parent.scan, commands, win.slot, key(1), rules.coinbase, rules.body, find
    )
    built = build_block(parent, win, creator=key(1), coinbase_receiver=key(1), rules=rules, contents=contents)
    validated(built.block, parent, rules)
    return built


def selling(fee: int, level: str = "check") -> Find:
    return lambda bundle: proved(
        spec_of(bundle, fee=fee, prover=PROVER, rules=RULES if level == "check" else None),
        "check" if level == "check" else "none",
    )


def nothing(_bundle: Bundle) -> None:
    return None


def chain_with(find: Find, length: int, *, fee: int = CODA) -> list[Built]:
    built, blocks, nonce = GENESIS.built, [], 0
    for _ in range(length):
        built = block_on(built, payments(8, first=nonce, fee=fee), find)
        nonce += len(built.block.body.commands)
        blocks.append(built)
    return blocks


def test_blocks_are_full_while_work_is_for_sale() -> None:
    blocks = chain_with(selling(0), 8)

    assert [transactions_in(built.block.body) for built in blocks] == [4] * 8
    # Two trees without debts; then as many bundles as slots, or as the trees that are full have jobs for.
    assert [len(built.block.body.works) for built in blocks] == [0, 0, 2, 2, 3, 3, 4, 4]
    assert any(built.block.state.blockchain_state.has_ledger_proof for built in blocks)


def test_without_work_commands_dry_up_and_then_the_coinbase() -> None:
    bodies = [built.block.body for built in chain_with(nothing, 5)]

    assert [transactions_in(body) for body in bodies] == [4, 4, 0, 0, 0]
    assert bodies[-1].coinbase == 0


def test_work_is_paid_out_of_fees_first_then_out_of_the_coinbase() -> None:
    before, *blocks = chain_with(selling(100 * CODA), 5, fee=CODA)
    for built in blocks:
        body = built.block.body
        owed = sum(work.fee for work in body.works)
        assert sum(transfer.fee for transfer in body.fee_transfers if transfer.receiver == PROVER) == owed
        fees = sum(CODA for _ in body.commands)
        assert owed < fees + 720 * CODA
        currency = built.block.consensus_state.total_currency
        assert currency == sum(account.balance for account in built.ledger)
        assert currency == before.block.consensus_state.total_currency + body.coinbase
        before = built
    assert any(built.block.body.works for built in blocks)


def test_work_that_costs_more_than_the_block_earns_is_not_bought() -> None:
    blocks = chain_with(selling(10_000 * CODA), 4)

    assert not any(built.block.body.works for built in blocks)
    assert transactions_in(blocks[-1].block.body) == 0


def forged(built: Built, works: tuple[Work, ...]) -> Block:
    """The block with other work in it."""
    block = built.block
    body = msgspec.structs.replace(block.body, works=works)
    blockchain_state = msgspec.structs.replace(block.state.blockchain_state, body_hash=body_digest(body))
    state = msgspec.structs.replace(block.state, blockchain_state=blockchain_state)
    return make_block(block.previous_state_hash, state, body)


changed = msgspec.structs.replace


def test_planted_wrong_work_is_refused_by_receivers() -> None:
    *_, parent, built = chain_with(selling(0), 4)
    works = built.block.body.works
    assert works
    planted = {
        "expected the proofs": (
            msgspec.structs.replace(works[0], proofs=(bytes(32),) * len(works[0].proofs)),
            *works[1:],
        ),
        "expected SNARK work": works[1:],
        "expected SNARK work .*": works[::-1],
        "proofs of proof level check": (changed(works[0], fee=7), *works[1:]),
    }
    for message, wrong in planted.items():
        with pytest.raises(InvalidBlockError, match=message):
            validated(forged(built, wrong), parent, GENESIS.rules)


def test_a_block_drawn_by_another_key_is_refused() -> None:
    """Anybody knows who has stake, but only the producer's key draws its tickets."""
    built = block_on(GENESIS.built, [], nothing)
    state = built.block.state
    stranger = VrfKey(sample_keypair(2)).prove(
        GENESIS.block.consensus_state.staking_epoch_data.seed, built.block.global_slot, key(1)
    )
    for proof in (stranger, b"", bytes(128)):
        consensus = msgspec.structs.replace(state.consensus_state, vrf_proof=proof)
        other = make_block(
            built.block.previous_state_hash,
            msgspec.structs.replace(state, consensus_state=consensus),
            built.block.body,
        )
        with pytest.raises(InvalidBlockError, match="VRF"):
            validated(other, GENESIS.built, GENESIS.rules)

"""Lotteries drawn from snarked ledgers (daemon contract I.2), and chains that buy SNARK work."""

from functools import cache

import msgspec
import pytest
from tests.coda_daemon.chain_testbed import chain, genesis_of, key, make_config

from coda_daemon.consensus.building import Built, InvalidBlockError, restored, validated
from coda_daemon.consensus.epoch_ledgers import stakes_of
from coda_daemon.genesis import Genesis
from coda_daemon.ledger.ledger import build_ledger
from coda_daemon.snark.scan_parts import ScanParts, rebuilt, taken_apart
from coda_protocol.runtime_config import TwoToThe


def small_trees(*stakes: int, level: str = "none") -> Genesis:
    """Trees of two slots, no delay: a ledger proof with the third full block, in epochs of thirty slots."""
    config = make_config(*stakes, slots_per_epoch=30, grace=9)
    assert config.proof is not None
    proof = msgspec.structs.replace(config.proof, level=level, transaction_capacity=TwoToThe(1), work_delay=0)
    return genesis_of(msgspec.structs.replace(config, proof=proof))


GENESIS = small_trees(1000, 500)


@cache
def blocks() -> list[Built]:
    """Four epochs; sample key 1 makes all blocks and gets richer."""
    return chain(GENESIS, 80)


def epoch(built: Built) -> int:
    return built.block.epoch(30)


def test_epoch_ledgers_are_the_configurations_until_a_ledger_proof_is_out() -> None:
    configured = set(GENESIS.rules.stakes)
    for built in blocks():
        if epoch(built) <= 1:
            assert built.block.consensus_state.staking_epoch_data.ledger_hash in configured


def test_staking_ledger_of_an_epoch_is_the_snarked_one_at_the_end_of_the_epoch_before_the_last() -> None:
    last_of = {epoch(built): built for built in blocks()}
    seen = 0
    for built in blocks():
        if epoch(built) >= 2:
            ending = last_of[epoch(built) - 2]
            data = built.block.consensus_state.staking_epoch_data
            assert data.ledger_hash == ending.scan.snarked.hash
            stakes = stakes_of(data, GENESIS.rules.stakes, built.epoch_ledgers)
            assert stakes is not None
            assert stakes.total_currency == data.total_currency > 1500 * 10**9
            seen += 1
    assert seen


def test_a_chain_keeps_two_epoch_ledgers_at_most() -> None:
    assert max(len(built.epoch_ledgers) for built in blocks()) == 2


def test_blocks_drawn_from_snarked_ledgers_are_valid() -> None:
    for parent, built in zip(blocks(), blocks()[1:], strict=False):
        assert validated(built.block, parent, GENESIS.rules).block.state_hash == built.block.state_hash


@pytest.mark.parametrize("at", [0, 7, 40, 79])
def test_a_root_can_be_rebuilt_from_its_oldest_ledger(at: int) -> None:
    built = blocks()[at]
    first, parts = taken_apart(built.scan, built.epoch_ledgers)
    again = msgspec.msgpack.decode(msgspec.msgpack.encode(parts), type=ScanParts)

    copy = restored(
        built.block,
        rebuilt(again, build_ledger(first.depth, tuple(first)), depth=1, work_delay=0),
        GENESIS.rules,
    )

    assert copy.ledger.hash == built.ledger.hash
    assert copy.scan.digest == built.scan.digest
    assert [ledger.hash for ledger in copy.epoch_ledgers] == [ledger.hash for ledger in built.epoch_ledgers]
    (following,) = chain(GENESIS, 1, on=copy)
    assert following.block.state_hash == chain(GENESIS, 1, on=built)[0].block.state_hash


def test_parts_of_another_root_are_refused() -> None:
    built, other = blocks()[40], blocks()[41]
    first, parts = taken_apart(other.scan, other.epoch_ledgers)
    with pytest.raises(InvalidBlockError, match="expected the scan state"):
        restored(built.block, rebuilt(parts, first, depth=1, work_delay=0), GENESIS.rules)


def test_a_missing_epoch_ledger_is_noticed() -> None:
    built = blocks()[-1]
    _, parts = taken_apart(built.scan, ())
    with pytest.raises(InvalidBlockError, match="expected epoch ledger"):
        restored(built.block, rebuilt(parts, built.scan.snarked, depth=1, work_delay=0), GENESIS.rules)


def test_ledger_proofs_come_with_the_blocks_that_complete_them() -> None:
    first = next(built for built in blocks() if built.block.state.blockchain_state.has_ledger_proof)

    # A coinbase a block, two to a tree: the third tree is full, and the first one proved, with the sixth.
    assert first.block.blockchain_length == 7
    assert key(1) in {work.prover for built in blocks() for work in built.block.body.works}

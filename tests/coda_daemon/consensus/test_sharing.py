"""What the nodes of one process share: each block is read and validated once, whoever receives it."""

from dataclasses import replace

import pytest
from tests.coda_daemon.chain_testbed import chain, genesis_of, make_config

from coda_daemon.blocks import decode_block
from coda_daemon.consensus.building import InvalidBlockError, validated
from coda_daemon.genesis import make_genesis


def test_nodes_with_equal_configurations_share_their_genesis() -> None:
    one, again, other = make_config(1), make_config(1), make_config(1, k=11)
    assert genesis_of(one).rules is genesis_of(again).rules
    assert genesis_of(one).rules is not genesis_of(other).rules


def test_a_ledger_from_an_archive_is_not_shared() -> None:
    """Archives are files of one node's machine: two with one name may differ."""
    shared = genesis_of(make_config(1))
    archives = {shared.ledger.hash: shared.ledger}
    assert make_genesis(make_config(1), shared.constants, archives).rules is not shared.rules


def test_a_block_is_decoded_once() -> None:
    encoded = genesis_of(make_config(1)).block.encoded
    assert decode_block(encoded) is decode_block(bytes(bytearray(encoded)))


def test_a_block_that_was_built_here_is_named_and_built_once() -> None:
    """What its producer holds is what a receiver gets, who checks it all the same."""
    genesis = genesis_of(make_config(1))
    [built] = chain(genesis, 1)

    received = decode_block(bytes(bytearray(built.block.encoded)))

    assert received is built.block
    assert validated(received, genesis.built, genesis.rules) is built


def test_what_was_built_by_other_rules_is_built_again() -> None:
    genesis = genesis_of(make_config(1))
    [built] = chain(genesis, 1)

    again = validated(built.block, genesis.built, replace(genesis.rules))
    assert again is not built
    assert again.block.state_hash == built.block.state_hash
    with pytest.raises(InvalidBlockError, match=r"body.coinbase: expected 1"):
        validated(built.block, genesis.built, replace(genesis.rules, coinbase=1))

from hashlib import blake2b
from typing import Any

import msgspec
from tests.coda_daemon.chain_testbed import chain, genesis_of, make_config, next_block

from coda_daemon.blocks import Block, make_block
from coda_daemon.consensus.selection import is_better, is_short_range

GENESIS = genesis_of(make_config(1000, 1000, slots_per_epoch=30, grace=9))
CONSTANTS = GENESIS.rules.constants
CHAIN = chain(GENESIS, 4)


def altered(
    block: Block, *, next_lock: str | None = None, staking_lock: str | None = None, **state: Any
) -> Block:
    """A block whose consensus state says something else."""
    consensus = msgspec.structs.replace(block.consensus_state, **state)
    for name, lock in (("next_epoch_data", next_lock), ("staking_epoch_data", staking_lock)):
        if lock is not None:
            data = msgspec.structs.replace(getattr(consensus, name), lock_checkpoint=lock)
            consensus = msgspec.structs.replace(consensus, **{name: data})
    body = msgspec.structs.replace(block.state, consensus_state=consensus)
    return make_block(block.previous_state_hash, body, block.body)


def test_longer_chain_of_the_same_checkpoint_is_better() -> None:
    one, two = CHAIN[0].block, CHAIN[1].block

    assert is_short_range(one, two, CONSTANTS)
    assert is_better(two, one, CONSTANTS)
    assert not is_better(one, two, CONSTANTS)


def test_no_chain_is_better_than_itself() -> None:
    assert not is_better(CHAIN[0].block, CHAIN[0].block, CONSTANTS)


def test_of_equal_length_the_greater_digest_of_the_vrf_output_wins() -> None:
    one = next_block(GENESIS, CHAIN[-1], 1).block
    other = next_block(GENESIS, CHAIN[-1], 2).block

    greater, lesser = sorted(
        (one, other),
        key=lambda block: blake2b(block.consensus_state.last_vrf_output, digest_size=32).digest(),
        reverse=True,
    )

    assert is_better(greater, lesser, CONSTANTS)
    assert not is_better(lesser, greater, CONSTANTS)


def test_of_equal_output_the_greater_state_hash_wins() -> None:
    one = CHAIN[0].block
    other = altered(one, coinbase_receiver="elsewhere")

    greater, lesser = (one, other) if one.state_hash > other.state_hash else (other, one)

    assert is_better(greater, lesser, CONSTANTS)
    assert not is_better(lesser, greater, CONSTANTS)


def test_fork_of_one_epoch_with_other_staking_checkpoint_is_long_range() -> None:
    block = CHAIN[-1].block

    assert not is_short_range(block, altered(block, staking_lock="other"), CONSTANTS)


def test_neighbouring_epochs_are_short_range_once_the_older_is_locked() -> None:
    """The older tip's next slot must be past two thirds, and its next checkpoint the newer's staking one."""
    older = altered(CHAIN[-1].block, global_slot=19, next_lock="lock")
    newer = altered(CHAIN[-1].block, global_slot=33, staking_lock="lock")

    assert is_short_range(older, newer, CONSTANTS)
    assert is_short_range(newer, older, CONSTANTS)
    assert not is_short_range(altered(older, global_slot=18), newer, CONSTANTS)
    assert not is_short_range(altered(older, next_lock="other"), newer, CONSTANTS)
    assert not is_short_range(older, altered(newer, global_slot=63), CONSTANTS)


def test_on_a_long_range_fork_density_beats_length() -> None:
    """A sparse chain does not win by being longer: that is how an attacker's would be."""
    sparse = altered(CHAIN[-1].block, staking_lock="x", min_window_density=2, blockchain_length=900)
    dense = altered(CHAIN[-1].block, staking_lock="y", min_window_density=3, blockchain_length=800)

    assert is_better(dense, sparse, CONSTANTS)
    assert not is_better(sparse, dense, CONSTANTS)


def test_on_a_long_range_fork_of_equal_density_length_decides() -> None:
    short = altered(CHAIN[-1].block, staking_lock="x", blockchain_length=800)
    long = altered(CHAIN[-1].block, staking_lock="y", blockchain_length=900)

    assert is_better(long, short, CONSTANTS)
    assert not is_better(short, long, CONSTANTS)


def test_chain_that_stopped_long_ago_is_projected_to_the_others_slot() -> None:
    """Its own minimum is the better one, but by now nothing of it would be in the window."""
    stopped = altered(
        CHAIN[-1].block,
        staking_lock="x",
        min_window_density=6,
        sub_window_densities=(2, 2, 2),
        global_slot=20,
    )
    living = altered(
        CHAIN[-1].block,
        staking_lock="y",
        min_window_density=1,
        sub_window_densities=(1, 1, 1),
        global_slot=200,
    )

    assert is_better(living, stopped, CONSTANTS)
    assert not is_better(stopped, living, CONSTANTS)

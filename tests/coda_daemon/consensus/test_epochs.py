from itertools import pairwise

from tests.coda_daemon.chain_testbed import chain, genesis_of, make_config

from coda_daemon.blocks import EpochData
from coda_daemon.consensus.epochs import ZERO_EPOCH_SEED, ZERO_STATE_HASH, staking_data_for
from coda_protocol.slots import Epoch, GlobalSlot

GENESIS = genesis_of(make_config(1000, slots_per_epoch=30, grace=9))
CONSTANTS = GENESIS.rules.constants
BLOCKS = [GENESIS.built, *chain(GENESIS, 60)]


def test_genesis_epochs_draw_from_the_genesis_ledger_and_seed_zero() -> None:
    state = GENESIS.block.consensus_state

    for data in (state.staking_epoch_data, state.next_epoch_data):
        assert data.ledger_hash == GENESIS.ledger.hash
        assert data.total_currency == 1000 * 10**9
        assert data.seed == ZERO_EPOCH_SEED


def test_staking_data_of_an_epoch_never_change() -> None:
    by_epoch: dict[Epoch, EpochData] = {}
    for built in BLOCKS:
        epoch = CONSTANTS.epoch_of(built.block.global_slot)
        data = built.block.consensus_state.staking_epoch_data
        assert by_epoch.setdefault(epoch, data) == data

    assert len({data.seed for data in by_epoch.values()}) == len(by_epoch) >= 3


def test_next_epochs_data_become_staking_data_as_they_were_at_the_end() -> None:
    for before, after in pairwise(BLOCKS):
        if CONSTANTS.epoch_of(before.block.global_slot) < CONSTANTS.epoch_of(after.block.global_slot):
            assert (
                after.block.consensus_state.staking_epoch_data == before.block.consensus_state.next_epoch_data
            )
            assert after.block.consensus_state.next_epoch_data.start_checkpoint == before.block.state_hash
            assert after.block.consensus_state.next_epoch_data.epoch_length == 1


def test_seed_and_lock_checkpoint_move_in_the_first_two_thirds_of_an_epoch_only() -> None:
    for before, after in pairwise(BLOCKS):
        old, new = (built.block.consensus_state.next_epoch_data for built in (before, after))
        if CONSTANTS.slot_in_epoch(after.block.global_slot) < 20:
            assert new.seed != old.seed
            assert new.lock_checkpoint == before.block.state_hash
        elif CONSTANTS.epoch_of(before.block.global_slot) == CONSTANTS.epoch_of(after.block.global_slot):
            assert (new.seed, new.lock_checkpoint) == (old.seed, old.lock_checkpoint)
        else:
            assert new.lock_checkpoint == ZERO_STATE_HASH


def test_epoch_length_counts_blocks() -> None:
    last = max(
        (built.block for built in BLOCKS if CONSTANTS.epoch_of(built.block.global_slot) == 1),
        key=lambda block: block.global_slot,
    )
    count = sum(CONSTANTS.epoch_of(built.block.global_slot) == 1 for built in BLOCKS)

    assert last.consensus_state.next_epoch_data.epoch_length == count
    assert last.consensus_state.epoch_count == 1


def test_slot_two_epochs_after_the_tip_has_nothing_to_be_drawn_from() -> None:
    state = GENESIS.block.consensus_state

    assert staking_data_for(state, GlobalSlot(29), CONSTANTS) is state.staking_epoch_data
    assert staking_data_for(state, GlobalSlot(30), CONSTANTS) is state.next_epoch_data
    assert staking_data_for(state, GlobalSlot(60), CONSTANTS) is None

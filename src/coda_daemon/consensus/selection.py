"""Which of two chains is better (daemon contract I.3)."""

from hashlib import blake2b

from coda_daemon.blocks import Block
from coda_daemon.consensus.constants import ConsensusConstants
from coda_daemon.consensus.densities import minimum_at
from coda_protocol.slots import GlobalSlot


def is_better(candidate: Block, existing: Block, constants: ConsensusConstants) -> bool:
    """Whether a node with the best tip `existing` switches to `candidate`: only if it is strictly better."""
    if not is_short_range(candidate, existing, constants):
        later = max(candidate.global_slot, existing.global_slot)
        ours = minimum_at(existing.consensus_state, constants, GlobalSlot(later))
        theirs = minimum_at(candidate.consensus_state, constants, GlobalSlot(later))
        if theirs != ours:
            return theirs > ours
    if candidate.blockchain_length != existing.blockchain_length:
        return candidate.blockchain_length > existing.blockchain_length
    return _rank(candidate) > _rank(existing)


def is_short_range(one: Block, other: Block, constants: ConsensusConstants) -> bool:
    """Whether two chains share the checkpoint that the later of their epochs is locked to."""
    older, newer = (one, other) if one.global_slot <= other.global_slot else (other, one)
    older_epoch, newer_epoch = constants.epoch_of(older.global_slot), constants.epoch_of(newer.global_slot)
    locked = newer.consensus_state.staking_epoch_data.lock_checkpoint
    if older_epoch == newer_epoch:
        return older.consensus_state.staking_epoch_data.lock_checkpoint == locked
    return (
        older_epoch + 1 == newer_epoch
        and not constants.in_seed_update_range(GlobalSlot(older.global_slot + 1))
        and older.consensus_state.next_epoch_data.lock_checkpoint == locked
    )


def _rank(block: Block) -> tuple[bytes, str]:
    """Among blocks of one length."""
    return (blake2b(block.consensus_state.last_vrf_output, digest_size=32).digest(), block.state_hash)

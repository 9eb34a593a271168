"""Epoch data: what a slot's lottery is drawn from, and how blocks move it on (daemon contract I.2, I.3)."""

from typing import Final

import msgspec

from coda_daemon.blocks import Block, ConsensusState, EpochData
from coda_daemon.consensus.constants import ConsensusConstants
from coda_daemon.consensus.lottery import StakeDistribution
from coda_daemon.digests import digest_of, field_of
from coda_protocol.base58 import VersionByte
from coda_protocol.hash_text import field_to_text
from coda_protocol.hashes import LedgerHash, StateHash
from coda_protocol.slots import GlobalSlot

# Daemon contract E.2: what stands for "none yet".
ZERO_STATE_HASH: Final = StateHash("3NK2tkzqqK5spR2sZ7tujjqPksL45M3UUrcA4WhCkeiPtnugyE2x")
ZERO_EPOCH_SEED: Final = "2va9BGv9JrLTtrzZttiEMDYw1Zj6a6EHzXjmP9evHDTG3oEquURA"


def epoch_data_at_genesis(ledger_hash: LedgerHash, total_currency: int, seed: str | None) -> EpochData:
    return EpochData(
        ledger_hash, total_currency, seed or ZERO_EPOCH_SEED, ZERO_STATE_HASH, ZERO_STATE_HASH, 1
    )


def staking_data_for(
    state: ConsensusState, slot: GlobalSlot, constants: ConsensusConstants
) -> EpochData | None:
    """What a block in `slot` on top of `state` is drawn from, or None.

    None: the slot's epoch is two or more ahead of the tip's, and what it is drawn from was never fixed (I.2).
    """
    ahead = constants.epoch_of(slot) - constants.epoch_of(GlobalSlot(state.global_slot))
    if ahead == 0:
        return state.staking_epoch_data
    return state.next_epoch_data if ahead == 1 else None


def advanced_epoch_data(
    parent: Block,
    slot: GlobalSlot,
    vrf_output: bytes,
    constants: ConsensusConstants,
    snarked: StakeDistribution | None = None,
) -> tuple[EpochData, EpochData]:
    """Staking and next epoch data of a block in `slot`, which is at most one epoch after its parent's.

    `snarked` are the stakes of the parent's snarked ledger, once a ledger proof came out: a new epoch fixes them
    for the one after it. Until then epoch ledgers stay those of the configuration (I.2).

    The lock checkpoint is the newest block that this one can name: its parent.
    """
    state = parent.consensus_state
    staking, coming = state.staking_epoch_data, state.next_epoch_data
    if constants.epoch_of(slot) == constants.epoch_of(parent.global_slot):
        coming = msgspec.structs.replace(coming, epoch_length=coming.epoch_length + 1)
    else:
        staking = coming
        if snarked is not None:
            coming = msgspec.structs.replace(
                coming, ledger_hash=snarked.ledger_hash, total_currency=snarked.total_currency
            )
        coming = msgspec.structs.replace(
            coming, start_checkpoint=parent.state_hash, lock_checkpoint=ZERO_STATE_HASH, epoch_length=1
        )
    if constants.in_seed_update_range(slot):
        coming = msgspec.structs.replace(
            coming, seed=_mixed(coming.seed, vrf_output), lock_checkpoint=parent.state_hash
        )
    return staking, coming


def _mixed(seed: str, vrf_output: bytes) -> str:
    digest = digest_of(seed.encode(), vrf_output, purpose=b"coda-epoch-seed")
    return field_to_text(VersionByte.EPOCH_SEED, field_of(digest))

"""Blocks: what a producer states about the chain, how it is named, and how it travels between nodes.

A block's name is its state hash, over the parent's state hash and the hash of the state's body (daemon
contract C.3, `hash`). On the wire and on disk a block is MessagePack arrays in the order of the fields
below; hashes are blake2b-256 over them.
"""

from dataclasses import dataclass
from typing import Annotated, Final

import msgspec

from coda_daemon.digests import digest_of, field_of
from coda_daemon.ledger.account import Address
from coda_daemon.ledger.transactions import Failure
from coda_daemon.recent import remember
from coda_daemon.snark.work import Work
from coda_protocol.base58 import VersionByte
from coda_protocol.hash_text import field_to_text, state_hash
from coda_protocol.hashes import LedgerHash, StateHash
from coda_protocol.slots import BlockchainLength, Epoch, GlobalSlot, Slot

Natural = Annotated[int, msgspec.Meta(ge=0)]  # MessagePack ends at 64 bits by itself
Text = Annotated[str, msgspec.Meta(max_length=64)]  # base58check of a field element or an address
VRF_OUTPUT_BYTES: Final = 32


class MalformedBlockError(ValueError):
    """Bytes from a peer or a file that are no block."""


class _Part(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Common settings of all parts of a block."""


class EpochData(_Part, frozen=True):
    """What the lottery of an epoch is drawn from; `total_currency` in nanomina, `epoch_length` in blocks."""

    ledger_hash: Text
    total_currency: Natural
    seed: Text
    start_checkpoint: Text
    lock_checkpoint: Text
    epoch_length: Natural


class ConsensusState(_Part, frozen=True):
    """Members as the daemon contract names them (C.3).

    `total_currency` in nanomina; `global_slot` since the last hard fork, or genesis, where there was none.
    """

    blockchain_length: Natural
    epoch_count: Natural
    min_window_density: Natural
    sub_window_densities: Annotated[tuple[Natural, ...], msgspec.Meta(max_length=4096)]
    last_vrf_output: Annotated[bytes, msgspec.Meta(min_length=VRF_OUTPUT_BYTES, max_length=VRF_OUTPUT_BYTES)]
    total_currency: Natural
    global_slot: Natural
    global_slot_since_genesis: Natural
    staking_epoch_data: EpochData
    next_epoch_data: EpochData
    has_ancestor_in_same_checkpoint_window: bool
    block_stake_winner: Text
    block_creator: Text
    coinbase_receiver: Text
    supercharge_coinbase: bool
    vrf_proof: Annotated[bytes, msgspec.Meta(max_length=128)] = (
        b""  # of `last_vrf_output`, at proof level `check`
    )


class BlockchainState(_Part, frozen=True):
    """The ledger after the block.

    `timestamp` is the start of the slot in milliseconds since the Unix epoch; `scan_state_digest` names what
    waits for proofs, and `has_ledger_proof` tells that the block completed one (contract H).
    """

    timestamp: Natural
    staged_ledger_hash: Text
    snarked_ledger_hash: Text
    body_hash: bytes
    scan_state_digest: bytes
    has_ledger_proof: bool


class StateBody(_Part, frozen=True):
    genesis_state_hash: Text
    blockchain_state: BlockchainState
    consensus_state: ConsensusState


class Included(_Part, frozen=True):
    """A user command in a block, by its transaction id, and why it failed, if it did (contract I.6)."""

    id: Annotated[str, msgspec.Meta(max_length=1024)]
    failure: Failure | None


class FeeTransfer(_Part, frozen=True):
    """Fees of the block's commands, in nanomina, that go to a key."""

    receiver: Text
    fee: Natural


class Body(_Part, frozen=True):
    """What the block does to the ledger, in this order: commands, coinbase, fee transfers.

    `coinbase` in nanomina, 0 when it was left out. `works` is the SNARK work bought, whose fees are among the
    fee transfers; what commands do not pay of them, the coinbase does.
    """

    coinbase: Natural
    commands: Annotated[tuple[Included, ...], msgspec.Meta(max_length=1 << 16)] = ()
    fee_transfers: Annotated[tuple[FeeTransfer, ...], msgspec.Meta(max_length=1 << 16)] = ()
    works: Annotated[tuple[Work, ...], msgspec.Meta(max_length=1 << 17)] = ()


class _Wire(_Part, frozen=True):
    previous_state_hash: Text
    state: StateBody
    body: Body


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """A block and its names; `encoded` is what peers are sent.

    Two blocks are the same when their state hashes are.
    """

    previous_state_hash: StateHash
    state: StateBody
    body: Body
    body_hash: str  # "3W…", of the protocol state's body
    state_hash: StateHash
    encoded: bytes
    # Of the consensus state. They are asked for all the time.
    blockchain_length: BlockchainLength
    global_slot: GlobalSlot

    def __repr__(self) -> str:
        return f"<Block {self.state_hash} length {self.blockchain_length} slot {self.global_slot}>"

    @property
    def consensus_state(self) -> ConsensusState:
        return self.state.consensus_state

    @property
    def creator(self) -> Address:
        return Address(self.state.consensus_state.block_creator)

    @property
    def winner(self) -> Address:
        return Address(self.state.consensus_state.block_stake_winner)

    @property
    def coinbase_receiver(self) -> Address:
        return Address(self.state.consensus_state.coinbase_receiver)

    @property
    def ledger_hash(self) -> LedgerHash:
        """The root of the ledger after this block."""
        return LedgerHash(self.state.blockchain_state.staged_ledger_hash)

    def epoch(self, slots_per_epoch: int) -> Epoch:
        return Epoch(self.global_slot // slots_per_epoch)

    def slot(self, slots_per_epoch: int) -> Slot:
        return Slot(self.global_slot % slots_per_epoch)


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Wire)


def body_digest(body: Body) -> bytes:
    return digest_of(_encoder.encode(body), purpose=b"coda-body")


def make_block(previous_state_hash: StateHash, state: StateBody, body: Body) -> Block:
    """Name a block; that its state holds `body_digest(body)` is for validation to say."""
    block = _named(_Wire(previous_state_hash, state, body))
    remember(_made, block.encoded, block, most=_REMEMBERED)
    _read.pop(block.encoded, None)  # of an earlier run in this process: its block is another one
    return block


# The nodes of one process read each block once, and need not name again what one of them made.
_REMEMBERED: Final = 256
_made: dict[bytes, Block] = {}
_read: dict[bytes, Block] = {}


def decode_block(data: bytes) -> Block:
    """Read `Block.encoded`; says nothing about whether the block may be on a chain.

    Raises MalformedBlockError.
    """
    if known := _read.get(data):
        return known
    try:
        wire = _decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MalformedBlockError(f"expected a block in MessagePack, found: {error}") from error
    block = _made.get(data) or _named(wire)
    if block.encoded != data:
        # Otherwise one block could travel under many encodings, and be taken for many messages.
        raise MalformedBlockError("expected the shortest encoding of a block, found another one")
    remember(_read, block.encoded, block, most=_REMEMBERED)
    return block


def _named(wire: _Wire) -> Block:
    previous = StateHash(wire.previous_state_hash)
    body_hash = digest_of(_encoder.encode(wire.state), purpose=b"coda-state-body")
    name = digest_of(previous.encode(), body_hash, purpose=b"coda-state")
    return Block(
        previous,
        wire.state,
        wire.body,
        field_to_text(VersionByte.STATE_BODY_HASH, field_of(body_hash)),
        state_hash(field_of(name)),
        _encoder.encode(wire),
        BlockchainLength(wire.state.consensus_state.blockchain_length),
        GlobalSlot(wire.state.consensus_state.global_slot),
    )

"""What a log says of its network: each block that a daemon made names all constants (daemon contract C.3)."""

from dataclasses import dataclass

import msgspec

from coda_executive.events.metadata import ConsensusState


@dataclass(frozen=True, slots=True)
class ProtocolConstants:
    """`genesis_ms` since the Unix epoch is when slot `genesis_slot` began: 0 but after a hard fork. `slot_ms` is None
    from a block of that slot, `grace_period_slots` from a build that does not tell it.
    """

    k: int
    slots_per_epoch: int
    slots_per_sub_window: int
    genesis_ms: int
    genesis_slot: int
    slot_ms: int | None
    grace_period_slots: int | None


class _Constants(msgspec.Struct, frozen=True):
    k: int
    slots_per_epoch: int
    slots_per_sub_window: int
    genesis_state_timestamp: int
    grace_period_slots: int | None = None


class _BlockchainState(msgspec.Struct, frozen=True):
    timestamp: int


class _Body(msgspec.Struct, frozen=True):
    constants: _Constants
    blockchain_state: _BlockchainState
    consensus_state: ConsensusState


class _ProtocolState(msgspec.Struct, frozen=True):
    body: _Body


class _Data(msgspec.Struct, frozen=True):
    protocol_state: _ProtocolState


class _Transition(msgspec.Struct, frozen=True):
    data: _Data


class _Breadcrumb(msgspec.Struct, frozen=True):
    validated_transition: _Transition


class _Metadata(msgspec.Struct, frozen=True):
    breadcrumb: _Breadcrumb


class _Line(msgspec.Struct, frozen=True):
    metadata: _Metadata


_lines = msgspec.json.Decoder(_Line, strict=False)  # numbers are told in text


def constants_told_by(line: bytes) -> ProtocolConstants | None:
    """Of a log line; None if it is not of a block that was made, or of a build that tells less."""
    if b'"genesis_state_timestamp"' not in line or b'"breadcrumb"' not in line:
        return None
    try:
        body = _lines.decode(line).metadata.breadcrumb.validated_transition.data.protocol_state.body
    except msgspec.DecodeError:
        return None
    constants, slots = body.constants, body.consensus_state.slots_since_fork
    passed_ms = body.blockchain_state.timestamp - constants.genesis_state_timestamp
    return ProtocolConstants(
        constants.k,
        constants.slots_per_epoch,
        constants.slots_per_sub_window,
        constants.genesis_state_timestamp,
        body.consensus_state.global_slot - slots,
        passed_ms // slots if slots else None,
        constants.grace_period_slots,
    )

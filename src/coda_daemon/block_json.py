"""Blocks and frontier diffs as log lines show them (daemon contract C.3).

What the nodes of one process tell alike is JSON text, made once.
"""

from base64 import urlsafe_b64encode
from functools import lru_cache
from typing import Any

import msgspec

from coda_daemon.blocks import Block, EpochData, Included
from coda_daemon.consensus.constants import ConsensusConstants
from coda_daemon.frontier.frontier import Diff
from coda_daemon.ledger.command import Command, parse_command
from coda_protocol.log_message import format_timestamp

_encoder = msgspec.json.Encoder()
_OPAQUE = "<opaque>"
_SHARED = 64


def breadcrumb_json(block: Block, constants: ConsensusConstants, *, received_ns: int) -> dict[str, Any]:
    """The metadata `breadcrumb` of `Block_produced`; `received_ns` since the Unix epoch."""
    return {
        "validated_transition": {
            "data": {
                "protocol_state": protocol_state_json(block, constants),
                "protocol_state_proof": _OPAQUE,
                "staged_ledger_diff": _OPAQUE,
                "delta_transition_chain_proof": _OPAQUE,
                "current_protocol_version": "3.0.0",
                "proposed_protocol_version": "<None>",
            },
            "hash": {"state_body_hash": block.body_hash, "state_hash": block.state_hash},
        },
        "staged_ledger": _OPAQUE,
        "just_emitted_a_proof": block.state.blockchain_state.has_ledger_proof,
        "transition_receipt_time": format_timestamp(received_ns),
    }


@lru_cache(maxsize=_SHARED)
def protocol_state_json(block: Block, constants: ConsensusConstants) -> msgspec.Raw:
    state, consensus = block.state, block.consensus_state
    shown = {
        "previous_state_hash": block.previous_state_hash,
        "body": {
            "genesis_state_hash": state.genesis_state_hash,
            "blockchain_state": {
                "timestamp": str(state.blockchain_state.timestamp),
                "staged_ledger_hash": state.blockchain_state.staged_ledger_hash,
                "snarked_ledger_hash": state.blockchain_state.snarked_ledger_hash,
            },
            "consensus_state": {
                "blockchain_length": str(consensus.blockchain_length),
                "epoch_count": str(consensus.epoch_count),
                "min_window_density": str(consensus.min_window_density),
                "sub_window_densities": [str(count) for count in consensus.sub_window_densities],
                "last_vrf_output": urlsafe_b64encode(consensus.last_vrf_output).decode(),
                "total_currency": str(consensus.total_currency),
                "curr_global_slot_since_hard_fork": {
                    "slot_number": str(consensus.global_slot),
                    "slots_per_epoch": str(constants.slots_per_epoch),
                },
                "global_slot_since_genesis": str(consensus.global_slot_since_genesis),
                "staking_epoch_data": _epoch_data_json(consensus.staking_epoch_data),
                "next_epoch_data": _epoch_data_json(consensus.next_epoch_data),
                "has_ancestor_in_same_checkpoint_window": consensus.has_ancestor_in_same_checkpoint_window,
                "block_stake_winner": consensus.block_stake_winner,
                "block_creator": consensus.block_creator,
                "coinbase_receiver": consensus.coinbase_receiver,
                "supercharge_coinbase": consensus.supercharge_coinbase,
            },
            "constants": {
                "k": str(constants.k),
                "slots_per_epoch": str(constants.slots_per_epoch),
                "slots_per_sub_window": str(constants.slots_per_sub_window),
                "delta": str(constants.delta),
                "genesis_state_timestamp": str(constants.genesis_ms),
            },
        },
    }
    return msgspec.Raw(_encoder.encode(shown))


def command_json(included: Included) -> dict[str, Any]:
    """A transaction with status, as in `Added_breadcrumb_user_commands`."""
    status = ["Applied"] if included.failure is None else ["Failed", [[[included.failure]]]]
    return {"data": parse_command(included.id).hash, "status": status}


def fee_payer_summary(command: Command) -> list[str]:
    """An entry of `fee_payer_summaries` of the pool's events: signature, key, nonce."""
    return [str(command.signed.signature), command.fee_payer, str(command.nonce)]


@lru_cache(maxsize=_SHARED)
def commands_json(block: Block) -> bytes:
    """The metadata `user_commands` of `Added_breadcrumb_user_commands`."""
    return _encoder.encode([command_json(included) for included in block.body.commands])


@lru_cache(maxsize=_SHARED)
def diffs_json(diff: Diff) -> bytes:
    """The metadata `diffs` of `Applying_diffs`: one object for each kind of change."""
    changes: list[dict[str, Any]] = [{"New_node": diff.new_node}]
    if diff.best_tip is not None:
        changes.append({"Best_tip_changed": diff.best_tip.new_best_tip})
    if diff.root is not None:
        transition = {
            "new_root": diff.root.new_root,
            "garbage": list(diff.root.garbage),
            "just_emitted_a_proof": diff.root.has_ledger_proof,
        }
        changes.append({"Root_transitioned": transition})
    return _encoder.encode(changes)


@lru_cache(maxsize=_SHARED)
def transitions_json(blocks: tuple[Block, ...], constants: ConsensusConstants) -> bytes:
    """The metadata `added_transitions` and `removed_transitions` of `New_best_tip_event`."""
    return _encoder.encode([_transition_json(block, constants) for block in blocks])


def _transition_json(block: Block, constants: ConsensusConstants) -> dict[str, Any]:
    return {
        "protocol_state": protocol_state_json(block, constants),
        "state_hash": block.state_hash,
        "just_emitted_a_proof": block.state.blockchain_state.has_ledger_proof,
    }


def _epoch_data_json(data: EpochData) -> dict[str, Any]:
    return {
        "ledger": {"hash": data.ledger_hash, "total_currency": str(data.total_currency)},
        "seed": data.seed,
        "start_checkpoint": data.start_checkpoint,
        "lock_checkpoint": data.lock_checkpoint,
        "epoch_length": str(data.epoch_length),
    }

"""Blocks as GraphQL shows them (daemon contract D.3)."""

from typing import TYPE_CHECKING, Any

from coda_daemon.blocks import Block, EpochData
from coda_daemon.digests import digest_of, field_of
from coda_daemon.graphql.accounts import account_of
from coda_daemon.graphql.commands import commands_of_block
from coda_daemon.graphql.snark import completed_work
from coda_protocol.base58 import VersionByte, encode_check
from coda_protocol.hash_text import field_from_text, field_to_text
from coda_protocol.slots import epoch_of, slot_in_epoch

if TYPE_CHECKING:
    from coda_daemon.rest import DaemonView


def block_fields(view: "DaemonView", block: Block) -> dict[str, Any]:
    return {
        "creator": block.creator,
        "creatorAccount": lambda _info: account_of(view, block.creator),
        "winnerAccount": lambda _info: account_of(view, block.winner),
        "stateHash": block.state_hash,
        "stateHashField": lambda _info: str(field_from_text(VersionByte.STATE_HASH, block.state_hash)),
        # At proof levels none and check there are no proofs.
        "protocolStateProof": {"base64": None, "json": None},
        "protocolState": lambda _info: _protocol_state(view, block),
        "transactions": lambda _info: _transactions(view, block),
        "commandTransactionCount": len(block.body.commands),
        "snarkJobs": [completed_work(work) for work in block.body.works],
    }


def _protocol_state(view: "DaemonView", block: Block) -> dict[str, Any]:
    blockchain_state = block.state.blockchain_state
    date = str(blockchain_state.timestamp)
    return {
        "previousStateHash": block.previous_state_hash,
        "blockchainState": {
            "date": date,
            "utcDate": date,
            "snarkedLedgerHash": blockchain_state.snarked_ledger_hash,
            "stagedLedgerHash": blockchain_state.staged_ledger_hash,
            **_staged_ledger(blockchain_state.scan_state_digest),
            "stagedLedgerProofEmitted": blockchain_state.has_ledger_proof,
            "bodyReference": blockchain_state.body_hash.hex(),
        },
        "consensusState": _consensus_state(view, block),
    }


def _staged_ledger(scan: bytes) -> dict[str, str]:
    """Names of the scan state, and of the coinbases that wait in it for a proof."""
    coinbases = digest_of(scan, purpose=b"coda-coinbases")
    return {
        "stagedLedgerAuxHash": encode_check(VersionByte.STAGED_LEDGER_AUX_HASH, scan),
        "stagedLedgerPendingCoinbaseAux": encode_check(VersionByte.PENDING_COINBASE_AUX_HASH, coinbases),
        "stagedLedgerPendingCoinbaseHash": field_to_text(VersionByte.RECEIPT_CHAIN_HASH, field_of(coinbases)),
    }


def _consensus_state(view: "DaemonView", block: Block) -> dict[str, Any]:
    state = block.consensus_state
    length = view.genesis.constants.slots_per_epoch
    return {
        "blockchainLength": str(block.blockchain_length),
        "blockHeight": str(block.blockchain_length),
        "epochCount": str(state.epoch_count),
        "minWindowDensity": str(state.min_window_density),
        "lastVrfOutput": encode_check(VersionByte.VRF_OUTPUT, state.last_vrf_output),
        "totalCurrency": str(state.total_currency),
        "stakingEpochData": _epoch_data(state.staking_epoch_data),
        "nextEpochData": _epoch_data(state.next_epoch_data),
        "hasAncestorInSameCheckpointWindow": state.has_ancestor_in_same_checkpoint_window,
        "slot": str(slot_in_epoch(block.global_slot, slots_per_epoch=length)),
        "slotSinceGenesis": str(state.global_slot_since_genesis),
        "epoch": str(epoch_of(block.global_slot, slots_per_epoch=length)),
        "superchargedCoinbase": state.supercharge_coinbase,
        "blockStakeWinner": block.winner,
        "blockCreator": block.creator,
        "coinbaseReceiever": block.coinbase_receiver,  # spelt as in the schema
    }


def _epoch_data(data: EpochData) -> dict[str, Any]:
    return {
        "ledger": {"hash": data.ledger_hash, "totalCurrency": str(data.total_currency)},
        "seed": data.seed,
        "startCheckpoint": data.start_checkpoint,
        "lockCheckpoint": data.lock_checkpoint,
        "epochLength": str(data.epoch_length),
    }


def _transactions(view: "DaemonView", block: Block) -> dict[str, Any]:
    coinbase = block.body.coinbase
    # The genesis block shows the coinbase amount, though no account receives it.
    is_received = coinbase and block.state_hash != view.genesis.block.state_hash
    return {
        "userCommands": lambda _info: commands_of_block(view, block),
        "zkappCommands": [],
        "feeTransfer": [
            {"recipient": transfer.receiver, "fee": str(transfer.fee), "type": "Fee_transfer"}
            for transfer in block.body.fee_transfers
        ],
        "coinbase": str(coinbase),
        "coinbaseReceiverAccount": account_of(view, block.coinbase_receiver) if is_received else None,
    }

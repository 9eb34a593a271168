"""The first block of a network and all that its configuration fixes: ledgers, rules, chain id.

Everything here follows from the runtime configuration alone, so nodes given the same files have the same
genesis state hash and chain id, and any other node is a stranger to them (daemon contract A.10).
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from typing import Final

from coda_daemon.blocks import (
    Block,
    BlockchainState,
    Body,
    ConsensusState,
    StateBody,
    body_digest,
    make_block,
)
from coda_daemon.consensus.body import BodyRules
from coda_daemon.consensus.building import Built, Rules
from coda_daemon.consensus.constants import ConsensusConstants
from coda_daemon.consensus.densities import advanced, before_genesis
from coda_daemon.consensus.epochs import ZERO_STATE_HASH, epoch_data_at_genesis
from coda_daemon.consensus.lottery import StakeDistribution
from coda_daemon.genesis_ledgers import GENESIS_WINNER, GenesisError, GenesisLedgers, genesis_ledgers
from coda_daemon.ledger.ledger import Ledger, total_currency
from coda_daemon.ledger.receipts import ReceiptChain
from coda_daemon.ledger.transactions import CommandRules
from coda_daemon.snark.scan_state import ScanState, scan_state_at_genesis
from coda_protocol.base58 import VersionByte
from coda_protocol.constants import Constants
from coda_protocol.format_error import FormatError
from coda_protocol.hash_text import field_from_text
from coda_protocol.hashes import LedgerHash, StateHash
from coda_protocol.runtime_config import EpochLedger, Fork, RuntimeConfig
from coda_protocol.signatures import TESTNET
from coda_protocol.slots import GlobalSlot

_PROTOCOL_VERSION: Final = "3.0.0"
_MOST: Final = 2**32 - 1
_FORMAT: Final = 5  # of this daemon's blocks; nodes of another one must not meet


@dataclass(frozen=True)
class Genesis:
    """What all nodes of a network start from."""

    constants: Constants
    rules: Rules
    block: Block
    ledgers: GenesisLedgers
    scan: ScanState
    chain_id: str

    @property
    def ledger(self) -> Ledger:
        return self.ledgers.genesis

    @cached_property
    def built(self) -> Built:
        return Built(self.block, self.ledger, self.scan)


def make_genesis(
    config: RuntimeConfig, constants: Constants, archives: Mapping[LedgerHash, Ledger] | None = None
) -> Genesis:
    """The genesis of a configuration; `constants` are its own with defaults filled in. Raises GenesisError.

    `archives` are the ledgers that it may name by hash alone. Without them, the nodes of one process that are
    given the same configuration share one genesis.
    """
    if archives:
        return _made(config, constants, archives)
    for known_config, genesis in _shared:
        if genesis.constants == constants and known_config == config:
            return genesis
    genesis = _made(config, constants, {})
    _shared.append((config, genesis))
    return genesis


_shared: deque[tuple[RuntimeConfig, Genesis]] = deque(maxlen=4)


def _made(config: RuntimeConfig, constants: Constants, archives: Mapping[LedgerHash, Ledger]) -> Genesis:
    consensus = _consensus_constants(constants)
    ledgers = genesis_ledgers(config, constants.ledger_depth, archives)
    ledger = ledgers.genesis
    epoch_data = config.epoch_data
    staking_section = epoch_data.staking if epoch_data else None
    next_section = (epoch_data.next if epoch_data else None) or staking_section
    staking = _stakes("epoch_data.staking", ledgers.staking)
    coming = staking if ledgers.next is ledgers.staking else _stakes("epoch_data.next", ledgers.next)
    fork = constants.fork
    body = Body(
        int(constants.coinbase_amount)
    )  # shown for the genesis block, though nobody receives it (D.3)
    scan = scan_state_at_genesis(
        ledger, depth=constants.transaction_capacity_log_2, work_delay=constants.work_delay
    )
    block = make_block(
        StateHash(fork.state_hash) if fork else ZERO_STATE_HASH,
        StateBody(
            ZERO_STATE_HASH,
            BlockchainState(
                consensus.genesis_ms, ledger.hash, ledger.hash, body_digest(body), scan.digest, False
            ),
            _consensus_state(consensus, ledger, (staking, staking_section), (coming, next_section), fork),
        ),
        body,
    )
    rules = Rules(
        consensus,
        _body_rules(constants),
        int(constants.coinbase_amount),
        constants.supercharged_coinbase_factor,
        block.state_hash,
        None if constants.slot_chain_end is None else GlobalSlot(constants.slot_chain_end),
        {staking.ledger_hash: staking, coming.ledger_hash: coming},
    )
    return Genesis(constants, rules, block, ledgers, scan, _chain_id(block, constants))


def _body_rules(constants: Constants) -> BodyRules:
    receipts = ReceiptChain.BLAKE2B if constants.proof_level == "none" else ReceiptChain.POSEIDON
    return BodyRules(
        # The kind of signature is compiled in, whatever the network's name (daemon contract F).
        CommandRules(int(constants.account_creation_fee), TESTNET, receipts),
        1 << constants.transaction_capacity_log_2,
        None if constants.slot_tx_end is None else GlobalSlot(constants.slot_tx_end),
        "check" if constants.proof_level == "check" else "none",
        constants.fork.global_slot_since_genesis if constants.fork else 0,
    )


def _consensus_constants(constants: Constants) -> ConsensusConstants:
    if constants.fork is not None:
        _check_fork(constants.fork)
    if constants.genesis_ms is None:
        raise GenesisError(
            "genesis.genesis_state_timestamp: expected the start of slot 0, found nothing; "
            "give it in a configuration file"
        )
    _check_ranges(constants)
    if constants.slots_per_epoch % 3:
        raise GenesisError(
            f"genesis.slots_per_epoch: expected a multiple of 3, found {constants.slots_per_epoch}"
        )
    if 3 * constants.grace_period_slots >= constants.slots_per_epoch:
        raise GenesisError(
            f"genesis.grace_period_slots: expected less than a third of slots_per_epoch "
            f"({constants.slots_per_epoch}), found {constants.grace_period_slots}"
        )
    return ConsensusConstants(
        k=constants.k,
        delta=constants.delta,
        slots_per_epoch=constants.slots_per_epoch,
        slots_per_sub_window=constants.slots_per_sub_window,
        sub_windows_per_window=constants.sub_windows_per_window,
        grace_period_slots=constants.grace_period_slots,
        slot_ms=constants.slot_ms,
        genesis_ms=int(constants.genesis_ms),
    )


def _check_fork(fork: Fork) -> None:
    for name, found in (
        ("blockchain_length", fork.blockchain_length),
        ("global_slot_since_genesis", fork.global_slot_since_genesis),
    ):
        if not 0 <= found < _MOST:
            raise GenesisError(f"proof.fork.{name}: expected 0 to {_MOST - 1}, found {found}")
    try:
        field_from_text(VersionByte.STATE_HASH, fork.state_hash)
    except FormatError as error:
        raise GenesisError(f"proof.fork.state_hash: {error}") from error


def _check_ranges(constants: Constants) -> None:
    """Raises GenesisError for a number that no network can have; Mina's own are of 32 bits."""
    ranges = {
        "k": (constants.k, 1, _MOST),
        "delta": (constants.delta, 0, _MOST),
        "slots_per_epoch": (constants.slots_per_epoch, 1, _MOST),
        "slots_per_sub_window": (constants.slots_per_sub_window, 1, _MOST),
        "sub_windows_per_window": (constants.sub_windows_per_window, 1, 4096),  # what a block can hold
        "grace_period_slots": (constants.grace_period_slots, 0, _MOST),
        "slot_ms": (constants.slot_ms, 1, _MOST),
        "proof.transaction_capacity, as a power of two": (constants.transaction_capacity_log_2, 0, 16),
        "proof.ledger_depth": (constants.ledger_depth, 1, 64),
        "proof.work_delay": (constants.work_delay, 0, 1000),
    }
    for name, (found, least, most) in ranges.items():
        if found < least:
            raise GenesisError(f"{name}: expected at least {least}, found {found}")
        if found > most:
            raise GenesisError(f"{name}: expected at most {most}, found {found}")


def _consensus_state(
    consensus: ConsensusConstants,
    ledger: Ledger,
    staking: tuple[StakeDistribution, EpochLedger | None],
    coming: tuple[StakeDistribution, EpochLedger | None],
    fork: Fork | None,
) -> ConsensusState:
    """After a hard fork heights go on from the last block, and slots since genesis from where the fork is (daemon
    contract B.1); slots since the fork, and epochs, begin anew.
    """
    slot = GlobalSlot(0)
    densities = advanced(before_genesis(consensus), consensus, from_slot=slot, to_slot=slot, with_block=True)
    staking_data, next_data = (
        epoch_data_at_genesis(stakes.ledger_hash, stakes.total_currency, section.seed if section else None)
        for stakes, section in (staking, coming)
    )
    return ConsensusState(
        blockchain_length=fork.blockchain_length + 1 if fork else 1,
        epoch_count=0,
        min_window_density=densities.minimum,
        sub_window_densities=densities.sub_windows,
        last_vrf_output=bytes(32),
        total_currency=total_currency(ledger),
        global_slot=slot,
        global_slot_since_genesis=fork.global_slot_since_genesis if fork else 0,
        staking_epoch_data=staking_data,
        next_epoch_data=next_data,
        has_ancestor_in_same_checkpoint_window=True,
        block_stake_winner=GENESIS_WINNER,
        block_creator=GENESIS_WINNER,
        coinbase_receiver=GENESIS_WINNER,
        supercharge_coinbase=False,
    )


def _stakes(path: str, ledger: Ledger) -> StakeDistribution:
    stakes = StakeDistribution(ledger.hash, ledger)
    if not stakes.total_currency:
        raise GenesisError(
            f"{path}: expected accounts with a balance, found none; nobody could produce a block"
        )
    return stakes


def _chain_id(block: Block, constants: Constants) -> str:
    """Hex blake2b-256 over the genesis state hash, the constants and the versions (daemon contract A.10)."""
    numbers = (
        constants.k,
        constants.delta,
        constants.slots_per_epoch,
        constants.slots_per_sub_window,
        constants.sub_windows_per_window,
        constants.grace_period_slots,
        constants.slot_ms,
        constants.ledger_depth,
        constants.work_delay,
        constants.transaction_capacity_log_2,
        constants.account_creation_fee,
        constants.supercharged_coinbase_factor,
        constants.slot_tx_end,
        constants.slot_chain_end,
        constants.proof_level,
        constants.network_id,
    )
    text = f"{block.state_hash} {numbers} {_PROTOCOL_VERSION} {_FORMAT}"
    return blake2b(text.encode(), digest_size=32, person=b"coda-chain-id").hexdigest()

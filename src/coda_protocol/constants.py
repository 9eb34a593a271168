"""Every constant of a network with its value filled in: the configuration over a profile's defaults (daemon
contract B.3).

No rule of consensus lives here, only numbers and what follows from two of them by definition.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from msgspec.structs import replace

from coda_protocol.currency import Amount, Fee
from coda_protocol.runtime_config import (
    DaemonSection,
    Fork,
    GenesisSection,
    ProofLevel,
    ProofSection,
    RuntimeConfig,
    TransactionCapacity,
    TransactionsPerSecond,
    TwoToThe,
)
from coda_protocol.timestamp import Timestamp


class CompiledProfile(StrEnum):
    """A set of defaults. `TEST` is the one that the real test tools start from, with a lightnet's circuits
    below.
    """

    MAINNET = "mainnet"
    LIGHTNET = "lightnet"
    DEV = "dev"
    TEST = "test"


@dataclass(frozen=True, slots=True, kw_only=True)
class Constants:
    """Units: `k` in blocks; `delta`, epochs, windows and the grace period in slots; `slot_ms` in
    milliseconds.

    `genesis_ms` is the start of slot 0 in milliseconds since the Unix epoch, None when no file says it.
    """

    k: int
    delta: int
    slots_per_epoch: int
    slots_per_sub_window: int
    sub_windows_per_window: int
    grace_period_slots: int
    genesis_ms: Timestamp | None = None
    slot_ms: int
    proof_level: ProofLevel
    ledger_depth: int
    work_delay: int
    transaction_capacity: TransactionCapacity
    coinbase_amount: Amount
    supercharged_coinbase_factor: int
    account_creation_fee: Fee
    fork: Fork | None = None
    default_transaction_fee: Fee
    minimum_transaction_fee: Fee
    snark_fee: Fee
    txpool_max_size: int = 3000
    network_id: str = "testnet"
    slot_tx_end: int | None = None
    slot_chain_end: int | None = None

    @property
    def transaction_capacity_log_2(self) -> int:
        """The exponent of the number of transactions in a block (daemon contract B.1, `proof`)."""
        match self.transaction_capacity:
            case TwoToThe(exponent=exponent):
                return exponent
            case TransactionsPerSecond(times_ten=times_ten):
                # 1 + ⌈log₂(t·s / 10000 + work_delay)⌉ in whole numbers: floats would round differently by
                # machine.
                scaled = times_ten * self.slot_ms + 10_000 * self.work_delay
                return 1 + _ceil_log_2(scaled, 10_000)
        raise AssertionError(f"a transaction capacity of a third kind: {self.transaction_capacity!r}")


_COINBASE = Amount.of_coda("720")
_CREATION_FEE = Fee.of_coda("1")

_DEFAULTS = {
    CompiledProfile.MAINNET: Constants(
        k=290,
        delta=0,
        slots_per_epoch=7140,
        slots_per_sub_window=7,
        sub_windows_per_window=11,
        grace_period_slots=2160,
        slot_ms=180_000,
        ledger_depth=35,
        transaction_capacity=TransactionsPerSecond(2),
        work_delay=2,
        coinbase_amount=_COINBASE,
        supercharged_coinbase_factor=1,
        account_creation_fee=_CREATION_FEE,
        default_transaction_fee=Fee.of_coda("0.25"),
        minimum_transaction_fee=Fee.of_coda("0.001"),
        snark_fee=Fee.of_coda("0.1"),
        proof_level="full",
        network_id="mainnet",
    ),
    CompiledProfile.LIGHTNET: Constants(
        k=30,
        delta=0,
        slots_per_epoch=720,
        slots_per_sub_window=7,
        sub_windows_per_window=11,
        grace_period_slots=200,
        slot_ms=20_000,
        ledger_depth=35,
        transaction_capacity=TwoToThe(3),
        work_delay=2,
        coinbase_amount=_COINBASE,
        supercharged_coinbase_factor=1,
        account_creation_fee=_CREATION_FEE,
        default_transaction_fee=Fee.of_coda("0.25"),
        minimum_transaction_fee=Fee.of_coda("0.001"),
        snark_fee=Fee.of_coda("0.1"),
        proof_level="none",
    ),
    CompiledProfile.DEV: Constants(
        k=24,
        delta=0,
        slots_per_epoch=576,
        slots_per_sub_window=2,
        sub_windows_per_window=3,
        grace_period_slots=180,
        slot_ms=2_000,
        ledger_depth=10,
        transaction_capacity=TwoToThe(3),
        work_delay=2,
        coinbase_amount=Amount.of_coda("20"),
        supercharged_coinbase_factor=1,
        account_creation_fee=Fee.of_coda("0.001"),
        default_transaction_fee=Fee.of_coda("5"),
        minimum_transaction_fee=Fee.of_coda("2"),
        snark_fee=Fee.of_coda("1"),
        proof_level="check",
    ),
    CompiledProfile.TEST: Constants(
        k=20,
        delta=0,
        slots_per_epoch=480,
        slots_per_sub_window=2,
        sub_windows_per_window=11,
        grace_period_slots=140,
        slot_ms=120_000,
        ledger_depth=35,
        transaction_capacity=TwoToThe(3),
        work_delay=2,
        coinbase_amount=_COINBASE,
        supercharged_coinbase_factor=1,
        account_creation_fee=_CREATION_FEE,
        default_transaction_fee=Fee.of_coda("0.25"),
        minimum_transaction_fee=Fee.of_coda("0.001"),
        snark_fee=Fee.of_coda("0.025"),
        # The real test tools say "full" (contract B.3); then a network starts only on builds compiled for it.
        proof_level="none",
    ),
}


def with_defaults(config: RuntimeConfig, profile: CompiledProfile) -> Constants:
    """The constants of a network that runs with this configuration on a daemon compiled for this profile."""
    daemon = config.daemon or DaemonSection()
    genesis = config.genesis or GenesisSection()
    proof = config.proof or ProofSection()
    default = _DEFAULTS[profile]

    return Constants(
        k=_or(genesis.k, default.k),
        delta=_or(genesis.delta, default.delta),
        slots_per_epoch=_or(genesis.slots_per_epoch, default.slots_per_epoch),
        slots_per_sub_window=_or(genesis.slots_per_sub_window, default.slots_per_sub_window),
        sub_windows_per_window=_or(proof.sub_windows_per_window, default.sub_windows_per_window),
        grace_period_slots=_or(genesis.grace_period_slots, default.grace_period_slots),
        genesis_ms=genesis.genesis_state_timestamp,
        slot_ms=_or(proof.block_window_duration_ms, default.slot_ms),
        proof_level=_or(proof.level, default.proof_level),
        ledger_depth=_or(proof.ledger_depth, default.ledger_depth),
        work_delay=_or(proof.work_delay, default.work_delay),
        transaction_capacity=_or(proof.transaction_capacity, default.transaction_capacity),
        coinbase_amount=_or(proof.coinbase_amount, default.coinbase_amount),
        supercharged_coinbase_factor=_or(
            proof.supercharged_coinbase_factor, default.supercharged_coinbase_factor
        ),
        account_creation_fee=_or(proof.account_creation_fee, default.account_creation_fee),
        fork=proof.fork,
        default_transaction_fee=default.default_transaction_fee,
        minimum_transaction_fee=_or(daemon.minimum_user_command_fee, default.minimum_transaction_fee),
        snark_fee=Fee(_or(daemon.snark_worker_fee, default.snark_fee)),
        txpool_max_size=_or(daemon.txpool_max_size, default.txpool_max_size),
        network_id=_or(daemon.network_id, default.network_id),
        slot_tx_end=daemon.slot_tx_end,
        slot_chain_end=daemon.slot_chain_end,
    )


def effective(config: RuntimeConfig, constants: Constants) -> RuntimeConfig:
    """The same configuration with every constant written out, as GraphQL `runtimeConfig` returns it (contract
    B.2).
    """
    return RuntimeConfig(
        daemon=_daemon(config.daemon or DaemonSection(), constants),
        genesis=GenesisSection(
            k=constants.k,
            delta=constants.delta,
            slots_per_epoch=constants.slots_per_epoch,
            slots_per_sub_window=constants.slots_per_sub_window,
            grace_period_slots=constants.grace_period_slots,
            genesis_state_timestamp=constants.genesis_ms,
        ),
        proof=ProofSection(
            level=constants.proof_level,
            sub_windows_per_window=constants.sub_windows_per_window,
            ledger_depth=constants.ledger_depth,
            work_delay=constants.work_delay,
            block_window_duration_ms=constants.slot_ms,
            transaction_capacity=TwoToThe(constants.transaction_capacity_log_2),
            coinbase_amount=constants.coinbase_amount,
            supercharged_coinbase_factor=constants.supercharged_coinbase_factor,
            account_creation_fee=constants.account_creation_fee,
            fork=constants.fork,
        ),
        ledger=config.ledger,
        epoch_data=config.epoch_data,
    )


_T = TypeVar("_T")


def _or(given: _T | None, default: _T) -> _T:
    return default if given is None else given


def _ceil_log_2(numerator: int, denominator: int) -> int:
    """The least n ≥ 0 with 2ⁿ ≥ numerator / denominator."""
    return max(0, (-(-numerator // denominator) - 1).bit_length())


def _daemon(given: DaemonSection, constants: Constants) -> DaemonSection:
    return replace(given, txpool_max_size=constants.txpool_max_size, network_id=constants.network_id)

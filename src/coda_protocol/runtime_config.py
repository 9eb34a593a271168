"""Mina's runtime configuration: one JSON object, as typed values (daemon contract B.1 and B.2).

Absent means None everywhere: what a missing field defaults to is said by `constants`. The types are msgspec
structs, not dataclasses: names such as `2_to_the` and `client-port` need renaming, absent fields must stay
absent when encoded, and a ledger of 10,000 accounts is decoded straight into them. Numbers whose JSON form is
text (money, slots, times) are classes of their own, so a value cannot be encoded in the wrong form.

This is syntax. Whether a configuration makes sense is for its readers to say.
"""

import re
from functools import cache
from typing import Any, Final, Literal, Self, TypeVar

import msgspec

from coda_protocol.currency import Amount, Balance, Currency, Fee
from coda_protocol.format_error import FormatError
from coda_protocol.timestamp import Timestamp

ProofLevel = Literal["full", "check", "none"]
Authorization = Literal["none", "either", "proof", "signature", "impossible"]
WorkSelection = Literal["seq", "rand", "part"]  # the last is the reference daemon's own

_KIND = "runtime configuration"
_UINT32_MAXIMUM = 2**32 - 1


class NumberText(int):
    """A slot, nonce or vesting period: unsigned, 32 bits, written as decimal text in JSON."""

    __slots__ = ()

    @classmethod
    def of_text(cls, text: str) -> Self:
        """Raises FormatError for anything but decimal digits or a number over 32 bits."""
        if not re.fullmatch(r"[0-9]{1,20}", text) or int(text) > _UINT32_MAXIMUM:
            raise FormatError("number", f'decimal text from "0" to "{_UINT32_MAXIMUM}"', repr(text[:40]))
        return cls(text)


class _Section(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Common settings of all structs below."""


class DaemonSection(_Section, frozen=True, kw_only=True):
    """`daemon`: pool and network settings, and the command line's settings by their names (contract A.3).

    `snark_worker_fee` is in nanomina here, a JSON number.
    """

    txpool_max_size: int | None = None
    peer_list_url: str | None = None
    network_id: str | None = None
    slot_tx_end: int | None = None
    slot_chain_end: int | None = None
    zkapp_proof_update_cost: float | None = None
    zkapp_signed_single_update_cost: float | None = None
    zkapp_signed_pair_update_cost: float | None = None
    zkapp_transaction_cost_limit: float | None = None
    max_event_elements: int | None = None
    max_action_elements: int | None = None
    zkapp_cmd_limit_hardcap: int | None = None
    minimum_user_command_fee: Fee | None = None
    sync_ledger_max_subtree_depth: int | None = None
    sync_ledger_default_subtree_depth: int | None = None
    hard_fork_genesis_slot_delta: int | None = None
    client_port: int | None = msgspec.field(name="client-port", default=None)
    rest_port: int | None = msgspec.field(name="rest-port", default=None)
    external_port: int | None = msgspec.field(name="external-port", default=None)
    metrics_port: int | None = msgspec.field(name="metrics-port", default=None)
    libp2p_metrics_port: int | None = msgspec.field(name="libp2p-metrics-port", default=None)
    limited_graphql_port: int | None = msgspec.field(name="limited-graphql-port", default=None)
    block_producer_key: str | None = msgspec.field(name="block-producer-key", default=None)
    block_producer_pubkey: str | None = msgspec.field(name="block-producer-pubkey", default=None)
    block_producer_password: str | None = msgspec.field(name="block-producer-password", default=None)
    coinbase_receiver: str | None = msgspec.field(name="coinbase-receiver", default=None)
    run_snark_worker: str | None = msgspec.field(name="run-snark-worker", default=None)
    run_snark_coordinator: str | None = msgspec.field(name="run-snark-coordinator", default=None)
    snark_worker_fee: int | None = msgspec.field(name="snark-worker-fee", default=None)
    snark_worker_parallelism: int | None = msgspec.field(name="snark-worker-parallelism", default=None)
    work_selection: WorkSelection | None = msgspec.field(name="work-selection", default=None)
    work_reassignment_wait: int | None = msgspec.field(name="work-reassignment-wait", default=None)
    peers: tuple[str, ...] | None = None
    log_block_creation: bool | None = msgspec.field(name="log-block-creation", default=None)
    log_snark_work_gossip: bool | None = msgspec.field(name="log-snark-work-gossip", default=None)
    log_txn_pool_gossip: bool | None = msgspec.field(name="log-txn-pool-gossip", default=None)
    min_connections: int | None = msgspec.field(name="min-connections", default=None)
    max_connections: int | None = msgspec.field(name="max-connections", default=None)
    validation_queue_size: int | None = msgspec.field(name="validation-queue-size", default=None)
    stop_time: int | None = msgspec.field(name="stop-time", default=None)


# The command line's settings by their names: those of `daemon` that are not Mina's constants (contract A.3).
DAEMON_SETTINGS: Final = frozenset(
    name for name in DaemonSection.__struct_encode_fields__ if "-" in name or name == "peers"
)


class GenesisSection(_Section, frozen=True, kw_only=True):
    """`genesis`: consensus constants, in blocks (`k`) and slots, and the start of slot 0."""

    k: int | None = None
    delta: int | None = None
    slots_per_epoch: int | None = None
    slots_per_sub_window: int | None = None
    grace_period_slots: int | None = None
    genesis_state_timestamp: Timestamp | None = None


class TransactionCapacity:
    """How many transactions a block holds: `TwoToThe` or `TransactionsPerSecond`."""

    __slots__ = ()


class TwoToThe(msgspec.Struct, TransactionCapacity, frozen=True):
    """2 to the `exponent` transactions a block."""

    exponent: int = msgspec.field(name="2_to_the")


class TransactionsPerSecond(msgspec.Struct, TransactionCapacity, frozen=True):
    """As many as `times_ten` / 10 transactions a second need."""

    times_ten: int = msgspec.field(name="txns_per_second_x10")


class Fork(_Section, frozen=True, kw_only=True):
    """The block that a hard fork goes on from."""

    state_hash: str
    blockchain_length: int
    global_slot_since_genesis: int


class ProofSection(_Section, frozen=True, kw_only=True):
    """`proof`: what is compiled into a real build's circuits. `block_window_duration_ms` is the slot's."""

    level: ProofLevel | None = None
    sub_windows_per_window: int | None = None
    ledger_depth: int | None = None
    work_delay: int | None = None
    block_window_duration_ms: int | None = None
    transaction_capacity: TransactionCapacity | None = None
    coinbase_amount: Amount | None = None
    supercharged_coinbase_factor: int | None = None
    account_creation_fee: Fee | None = None
    fork: Fork | None = None


class Timing(_Section, frozen=True, kw_only=True):
    """A vesting schedule (contract I.8). Times are global slots, the period slots."""

    initial_minimum_balance: Balance
    cliff_time: NumberText
    cliff_amount: Amount
    vesting_period: NumberText
    vesting_increment: Amount


class VerificationKeyPermission(_Section, frozen=True, kw_only=True):
    auth: Authorization
    txn_version: NumberText


class Permissions(_Section, frozen=True, kw_only=True):
    """Who may do what with an account; absent ones are the user default of contract D.6."""

    edit_state: Authorization | None = None
    send: Authorization | None = None
    receive: Authorization | None = None
    access: Authorization | None = None
    set_delegate: Authorization | None = None
    set_permissions: Authorization | None = None
    set_verification_key: VerificationKeyPermission | None = None
    set_zkapp_uri: Authorization | None = None
    edit_action_state: Authorization | None = None
    set_token_symbol: Authorization | None = None
    increment_nonce: Authorization | None = None
    set_voting_for: Authorization | None = None
    set_timing: Authorization | None = None


class Zkapp(_Section, frozen=True, kw_only=True):
    """A zkApp's part of an account; fields are decimal texts."""

    app_state: tuple[str, ...]
    verification_key: str | None = None
    zkapp_version: int | None = None
    action_state: tuple[str, ...] | None = None
    last_action_slot: int | None = None
    proved_state: bool | None = None
    zkapp_uri: str | None = None


class Account(_Section, frozen=True, kw_only=True):
    """An account of a genesis or epoch ledger. `pk` and `delegate` are addresses; `sk`, a private key, is for
    tools.
    """

    pk: str
    sk: str | None = None
    balance: Balance
    delegate: str | None = None
    timing: Timing | None = None
    token: str | None = None
    nonce: NumberText | None = None
    receipt_chain_hash: str | None = None
    voting_for: str | None = None
    token_symbol: str | None = None
    permissions: Permissions | None = None
    zkapp: Zkapp | None = None

    def __repr__(self) -> str:
        return (
            f"<Account {self.pk} {self.balance.coda}{' with sk' if self.sk else ''}>"  # never the key itself
        )


class NumberedBalance(_Section, frozen=True, kw_only=True):
    number: int
    balance: Balance


class GenesisLedger(_Section, frozen=True, kw_only=True):
    """`ledger`: by accounts, by name or by root hash, looked at in this order. One of them must be there."""

    accounts: tuple[Account, ...] | None = None
    name: str | None = None
    hash: str | None = None
    num_accounts: int | None = None
    balances: tuple[NumberedBalance, ...] | None = None
    s3_data_hash: str | None = None
    add_genesis_winner: bool | None = None

    def __post_init__(self) -> None:
        if self.accounts is None and self.name is None and self.hash is None:
            raise FormatError("ledger", "a field 'accounts', 'name' or 'hash'", "none of them")


class EpochLedger(_Section, frozen=True, kw_only=True):
    """Who stakes in an epoch; `seed` is base58check text (`2v…`)."""

    accounts: tuple[Account, ...] | None = None
    hash: str | None = None
    seed: str | None = None
    s3_data_hash: str | None = None

    def __post_init__(self) -> None:
        if self.accounts is None and self.hash is None:
            raise FormatError("epoch ledger", "a field 'accounts' or 'hash'", "none of them")


class EpochData(_Section, frozen=True, kw_only=True):
    """Stake of epochs 0 (`staking`) and 1 (`next`, by default as `staking`)."""

    staking: EpochLedger
    next: EpochLedger | None = None


class RuntimeConfig(_Section, frozen=True, kw_only=True):
    """A whole configuration, or one file's part of it."""

    daemon: DaemonSection | None = None
    genesis: GenesisSection | None = None
    proof: ProofSection | None = None
    ledger: GenesisLedger | None = None
    epoch_data: EpochData | None = None


def parse(data: bytes) -> RuntimeConfig:
    """Read one file as the daemon does: unknown names are dropped, a wrong type raises FormatError."""
    try:
        return _decoder().decode(data)
    except msgspec.ValidationError as error:
        raise _format_error(str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise FormatError(_KIND, "one JSON object", str(error)) from None


def encode(config: RuntimeConfig) -> bytes:
    """Mina's own JSON; `parse` reads it back."""
    return _encoder().encode(config)


def merge(first: RuntimeConfig, *later: RuntimeConfig) -> RuntimeConfig:
    """Overlay files (contract B.2), later ones win: `daemon`, `genesis`, `proof` by field, ledgers whole."""
    merged = first
    for config in later:
        merged = RuntimeConfig(
            daemon=_overlaid(merged.daemon, config.daemon),
            genesis=_overlaid(merged.genesis, config.genesis),
            proof=_overlaid(merged.proof, config.proof),
            ledger=config.ledger or merged.ledger,
            epoch_data=config.epoch_data or merged.epoch_data,
        )
    return merged


def value_of_json(kind: type[Any], value: Any) -> Any:
    """Turn a JSON value into one of our own classes; msgspec's hook for decoding. Raises FormatError."""
    if issubclass(kind, Currency):
        if type(value) is not str:
            raise FormatError(
                kind.__name__.lower(), 'text of decimal coda such as "1000.5"', _described(value)
            )
        return kind.of_coda(value)
    if kind is NumberText:
        if type(value) is not str:
            raise FormatError("number", 'decimal text such as "20"', _described(value))
        return NumberText.of_text(value)
    if kind is Timestamp:
        if type(value) is not str:
            raise FormatError("timestamp", 'text such as "2024-05-01T12:00:00Z"', _described(value))
        return Timestamp.of_text(value)
    assert kind is TransactionCapacity, kind
    return _capacity(value)


def json_of_value(value: Any) -> str:
    """The JSON text of one of our own classes; msgspec's hook for encoding."""
    if isinstance(value, Currency):
        return value.coda
    if isinstance(value, Timestamp):
        return value.text
    assert isinstance(value, NumberText), type(value)
    return str(int(value))


_Part = TypeVar("_Part", DaemonSection, GenesisSection, ProofSection)


def _overlaid(below: _Part | None, above: _Part | None) -> _Part | None:
    if below is None or above is None:
        return above or below
    given = {name: value for name, value in msgspec.structs.asdict(above).items() if value is not None}
    return msgspec.structs.replace(below, **given)


def _capacity(value: Any) -> TransactionCapacity:
    if isinstance(value, dict) and len(value) == 1:
        [(name, number)] = value.items()
        if type(number) is int and name in ("2_to_the", "two_to_the", "log_2"):
            return TwoToThe(number)
        if type(number) is int and name == "txns_per_second_x10":
            return TransactionsPerSecond(number)
    raise FormatError(
        "transaction capacity", '{"2_to_the": n} or {"txns_per_second_x10": n}', _described(value)
    )


def _described(value: Any) -> str:
    if isinstance(value, (dict, list)):
        return "an object" if isinstance(value, dict) else "a list"
    return repr(value[:40]) if isinstance(value, str) else f"the {type(value).__name__} {value}"


def _format_error(message: str) -> FormatError:
    """Split messages such as "Expected `int`, got `str` - at `$.genesis.k`" into their parts."""
    reason, _, place = message.rpartition(" - at ")
    where = place.strip("`").removeprefix("$.") if reason else "$"
    match = re.fullmatch(r"(?:.*?: )?[Ee]xpected (.*?), (?:got|found) (.*)", reason or message, re.DOTALL)
    expected, found = match.groups() if match else ("a valid value", reason or message)
    return FormatError(f"{_KIND}, {where}", expected.replace("`", ""), found.replace("`", ""))


@cache
def _decoder() -> msgspec.json.Decoder[RuntimeConfig]:
    return msgspec.json.Decoder(RuntimeConfig, dec_hook=value_of_json)


@cache
def _encoder() -> msgspec.json.Encoder:
    return msgspec.json.Encoder(enc_hook=json_of_value)

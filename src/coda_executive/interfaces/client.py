"""What a test may ask a daemon, and the answers. The transport is the node's; the requests are the same for
every engine.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable

from coda_protocol.currency import Amount, Balance, Fee
from coda_protocol.hashes import LedgerHash, StateHash, TransactionHash
from coda_protocol.keys import Keypair
from coda_protocol.signatures import Signature
from coda_protocol.slots import BlockchainLength, GlobalSlot


@dataclass(frozen=True, slots=True)
class HttpReply:
    status: int
    body: bytes


class HttpTransport(Protocol):
    """How a node's REST port is reached. `seconds` limit the whole exchange.

    Raises ConnectionRefusedError when nothing was sent (nothing listens), TimeoutError or another
    ConnectionError when the request may have arrived.
    """

    async def post(self, path: str, body: bytes, *, content_type: str, seconds: float) -> HttpReply: ...


class TextChannel(Protocol):
    """A websocket that carries text."""

    async def send(self, text: str) -> None: ...

    async def receive(self) -> str | None:
        """The next message; None once the other side has closed it."""


@runtime_checkable
class WebsocketTransport(Protocol):
    """What a transport can too that carries websockets; `seconds` limit the handshake. Raises as `post` does."""

    def websocket(
        self, path: str, *, protocol: str, seconds: float
    ) -> AbstractAsyncContextManager[TextChannel]: ...


@dataclass(frozen=True, slots=True)
class Peer:
    host: str
    port: int
    peer_id: str


@dataclass(frozen=True, slots=True)
class DaemonStatus:
    """Height and state hash are None while there is no frontier."""

    sync_status: str
    blockchain_length: BlockchainLength | None
    highest_block_length_received: BlockchainLength
    state_hash: StateHash | None
    global_slot_best_tip: GlobalSlot | None
    peers: tuple[Peer, ...]
    uptime_seconds: int
    commit: str


@dataclass(frozen=True, slots=True)
class ChainBlock:
    state_hash: StateHash
    parent: StateHash
    height: BlockchainLength
    global_slot: GlobalSlot
    creator: str


@dataclass(frozen=True, slots=True)
class BlockContents:
    """What is in a block, and what it says of ledgers: `commands` and `works` are numbers.

    `staking_ledger` and `next_ledger` are the hashes of the ledgers that its epoch and the next are drawn from.
    """

    state_hash: StateHash
    height: BlockchainLength
    global_slot: GlobalSlot
    commands: int
    works: int
    coinbase: Amount
    snarked_ledger: LedgerHash
    staking_ledger: LedgerHash
    next_ledger: LedgerHash


@dataclass(frozen=True, slots=True)
class SnarkWork:
    """Finished work on offer; `work_ids` name its jobs."""

    prover: str
    fee: Fee
    work_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class AccountTiming:
    """A vesting schedule as a node tells it; times are global slots, `vesting_period` is in slots."""

    initial_minimum_balance: Balance
    cliff_time: GlobalSlot
    cliff_amount: Amount
    vesting_period: int
    vesting_increment: Amount


@dataclass(frozen=True, slots=True)
class AccountState:
    """An account at the node's best tip, of MINA unless another token was asked for.

    `inferred_nonce` counts what waits in the node's pool. `liquid` and `locked` add up to `total`. `timing` is None
    for an account whose money is all free.
    """

    public_key: str
    total: Balance
    liquid: Balance
    locked: Balance
    nonce: int
    inferred_nonce: int
    delegate: str | None
    timing: AccountTiming | None = None
    voting_for: str | None = None
    token: str | None = None


@dataclass(frozen=True, slots=True)
class DaemonMetrics:
    """Counters of one daemon since its start. `block_production_delay` is a histogram of blocks by how late they were
    made, its first bin the earliest.
    """

    block_production_delay: tuple[int, ...]
    transaction_diffs_received: int
    transaction_diffs_broadcast: int
    transactions_added: int
    transaction_pool_size: int
    snark_diffs_received: int
    snark_diffs_broadcast: int
    pending_snark_work: int
    snark_pool_size: int


@dataclass(frozen=True, slots=True)
class SentCommand:
    """A payment or delegation as a node answered or lists it. `id` asks for its status, `hash` names it in logs.

    `amount` is 0 for a delegation; `failure` a name of daemon contract I.6, for one in a block only.
    """

    id: str
    hash: TransactionHash
    fee_payer: str
    receiver: str
    amount: Amount
    fee: Fee
    nonce: int
    is_delegation: bool
    failure: str | None


class TransactionStatus(StrEnum):
    """What a node knows of a command: on its best chain, in its pool or on another branch, or nothing."""

    INCLUDED = "INCLUDED"
    PENDING = "PENDING"
    UNKNOWN = "UNKNOWN"


class NodeClient(Protocol):
    """Requests to one node. Each raises RequestFailed; `definite` tells whether it surely had no effect."""

    async def execute(self, document: str, variables: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run any GraphQL document and return its `data`."""

    def subscribe(
        self, document: str, variables: dict[str, Any] | None = None
    ) -> AbstractAsyncContextManager[AsyncIterator[dict[str, Any]]]:
        """A GraphQL subscription for the length of a block: the `data` of each answer, as they come."""

    async def sync_status(self) -> str: ...

    async def daemon_status(self) -> DaemonStatus: ...

    async def best_chain(self, max_length: int | None = None) -> tuple[ChainBlock, ...]:
        """Oldest first, best tip last, whatever order the daemon serves."""

    async def block_contents(self, max_length: int | None = None) -> tuple[BlockContents, ...]:
        """Of the best chain, in the order of `best_chain`."""

    async def peers(self) -> tuple[Peer, ...]: ...

    async def own_peer(self) -> Peer:
        """The node, as its peers name it."""

    async def gate(
        self, *, isolate: bool = False, banned: Sequence[Peer] = (), trusted: Sequence[Peer] = ()
    ) -> None:
        """Say with whom the node talks, in place of what was said before: not with banned peers, and with trusted
        ones only if `isolate`. The supported way to make a partition (daemon contract D.5).
        """

    async def metrics(self) -> DaemonMetrics: ...

    async def account(self, public_key: str, *, token: str | None = None) -> AccountState | None:
        """None when the ledger has no such account, or while there is no ledger."""

    async def send_payment(
        self,
        sender: str,
        receiver: str,
        *,
        amount: Amount,
        fee: Fee,
        nonce: int | None = None,
        valid_until: GlobalSlot | None = None,
        memo: str = "",
        signature: Signature | None = None,
    ) -> SentCommand:
        """Returns once the node's pool has it. Without a nonce the node infers one.

        Without a signature the node signs with the sender's key, which has to be unlocked in its wallet; a
        signature covers exactly these values, so it needs the nonce.
        """

    async def send_delegation(
        self,
        sender: str,
        delegate: str,
        *,
        fee: Fee,
        nonce: int | None = None,
        valid_until: GlobalSlot | None = None,
        memo: str = "",
        signature: Signature | None = None,
    ) -> SentCommand:
        """As `send_payment`."""

    async def send_test_payments(
        self,
        senders: Sequence[Keypair],
        receiver: str,
        *,
        amount: Amount,
        fee: Fee,
        count: int,
        delay: float,
    ) -> None:
        """Have the node sign and send `count` payments, one each `delay` seconds, the senders in rotation. Returns
        after the first.
        """

    async def set_snark_worker(self, key: str | None) -> str | None:
        """Sell SNARK work of a local worker under this key, or stop with None; returns the key before."""

    async def set_snark_work_fee(self, fee: Fee) -> Fee:
        """Returns the fee before."""

    async def snark_pool(self) -> tuple[SnarkWork, ...]: ...

    async def pooled_user_commands(self, sender: str | None = None) -> tuple[SentCommand, ...]:
        """What waits in the node's pool; of one sender in the order of its nonces."""

    async def transaction_status(self, transaction_id: str) -> TransactionStatus:
        """Of a command by its id, not its hash. One in a block before the root is UNKNOWN."""

    async def create_account(self, password: str) -> str:
        """Make a key of the node's own in its wallet, locked; returns the public key."""

    async def start_filtered_log(self, event_ids: Sequence[str]) -> bool:
        """Have the daemon keep its log lines with these event ids; False if it keeps some already."""

    async def filtered_log_entries(self, offset: int = 0) -> tuple[str, ...]:
        """The lines kept from that number on, each a JSON record."""

    async def import_account(self, path: str, password: str) -> str:
        """Take a key file of the node's machine into its wallet, locked; returns the public key."""

    async def unlock_account(self, public_key: str, password: str) -> None: ...

    async def lock_account(self, public_key: str) -> None: ...

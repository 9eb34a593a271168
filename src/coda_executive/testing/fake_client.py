"""A client that answers from what a test put into it."""

import itertools
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from coda_executive.errors import RequestFailed
from coda_executive.interfaces.client import (
    AccountState,
    BlockContents,
    ChainBlock,
    DaemonMetrics,
    DaemonStatus,
    Peer,
    SentCommand,
    SnarkWork,
    TransactionStatus,
)
from coda_protocol.currency import Amount, Fee
from coda_protocol.hashes import TransactionHash
from coda_protocol.keys import Keypair
from coda_protocol.signatures import Signature
from coda_protocol.slots import BlockchainLength, GlobalSlot

_ROOT_FIELD = re.compile(r"\{\s*([A-Za-z]\w*)")

Answer = Callable[[dict[str, Any]], Any]


class FakeClient:
    """Satisfies NodeClient. `reach` is awaited before each answer: it raises RequestFailed where nobody would.

    A test sets what it wants answered: `status`, `chain` (oldest first), `accounts` and `included` by id, or
    `answers` for GraphQL documents, by their first field, from the variables. What was sent is in `pool`.
    """

    def __init__(self, node: str, reach: Callable[[], Awaitable[None]]) -> None:
        self._node = node
        self._reach = reach
        self._numbers = itertools.count(1)
        self.status = DaemonStatus("SYNCED", None, BlockchainLength(1), None, None, (), 0, "fake")
        self.chain: tuple[ChainBlock, ...] = ()
        self.accounts: dict[str, AccountState] = {}
        self.answers: dict[str, Answer] = {}
        self.pool: list[SentCommand] = []
        self.included: set[str] = set()
        self.unlocked: set[str] = set()
        self.find_peers: Callable[[], tuple[Peer, ...]] = lambda: self.status.peers
        self.contents: tuple[BlockContents, ...] = ()
        self.banned: tuple[Peer, ...] = ()
        self.snark_worker: tuple[str | None, Fee] = (None, Fee(0))
        self.works: tuple[SnarkWork, ...] = ()

    async def execute(self, document: str, variables: dict[str, Any] | None = None) -> dict[str, Any]:
        await self._reach()
        found = _ROOT_FIELD.search(document)
        name = found.group(1) if found else ""
        if name not in self.answers:
            raise RequestFailed(
                f"{self._node} is a fake without an answer for {name!r}; put one into answers", definite=True
            )
        return {name: self.answers[name](variables or {})}

    @asynccontextmanager
    async def subscribe(
        self, document: str, variables: dict[str, Any] | None = None
    ) -> AsyncIterator[AsyncIterator[dict[str, Any]]]:
        """One answer, that of `execute`."""

        async def answers() -> AsyncIterator[dict[str, Any]]:
            yield await self.execute(document, variables)

        yield answers()

    async def sync_status(self) -> str:
        await self._reach()
        return self.status.sync_status

    async def daemon_status(self) -> DaemonStatus:
        await self._reach()
        return self.status

    async def best_chain(self, max_length: int | None = None) -> tuple[ChainBlock, ...]:
        await self._reach()
        return self.chain if max_length is None else self.chain[-max_length:]

    async def block_contents(self, max_length: int | None = None) -> tuple[BlockContents, ...]:
        await self._reach()
        return self.contents if max_length is None else self.contents[-max_length:]

    async def peers(self) -> tuple[Peer, ...]:
        await self._reach()
        return tuple(peer for peer in self.find_peers() if peer not in self.banned)

    async def own_peer(self) -> Peer:
        await self._reach()
        return Peer("127.0.0.1", 1, self._node)

    async def gate(
        self, *, isolate: bool = False, banned: Sequence[Peer] = (), trusted: Sequence[Peer] = ()
    ) -> None:
        await self._reach()
        known = self.find_peers()
        self.banned = tuple(peer for peer in known if peer not in trusted and (isolate or peer in banned))

    async def metrics(self) -> DaemonMetrics:
        await self._reach()
        return DaemonMetrics((), 0, 0, len(self.pool), len(self.pool), 0, 0, 0, len(self.works))

    async def create_account(self, password: str) -> str:
        document = await self.execute("mutation { createAccount }", {"input": {"password": password}})
        return str(document["createAccount"]["publicKey"])

    async def start_filtered_log(self, event_ids: Sequence[str]) -> bool:
        """A fake's log is read where it is written: it keeps nothing."""
        await self._reach()
        return bool(event_ids)

    async def filtered_log_entries(self, offset: int = 0) -> tuple[str, ...]:
        await self._reach()
        return ()[offset:]

    async def account(self, public_key: str, *, token: str | None = None) -> AccountState | None:
        await self._reach()
        return self.accounts.get(public_key if token is None else f"{public_key} {token}")

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
        del valid_until, memo
        return await self._sent(sender, receiver, amount, fee, nonce, signature)

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
        del valid_until, memo
        return await self._sent(sender, delegate, None, fee, nonce, signature)

    async def _sent(
        self,
        sender: str,
        receiver: str,
        amount: Amount | None,
        fee: Fee,
        nonce: int | None,
        signature: Signature | None,
    ) -> SentCommand:
        """Into the pool; `amount` None makes it a delegation."""
        await self._reach()
        if signature is None and sender not in self.unlocked:
            raise RequestFailed(
                f"{self._node}: {sender} is not unlocked, and nothing was signed", definite=True
            )
        known = self.accounts.get(sender)
        waiting = sum(command.fee_payer == sender for command in self.pool)
        number = next(self._numbers)
        command = SentCommand(
            id=f"command-{number}",
            hash=TransactionHash(f"5Ju{number}"),
            fee_payer=sender,
            receiver=receiver,
            amount=Amount(0) if amount is None else amount,
            fee=fee,
            nonce=(known.nonce if known else 0) + waiting if nonce is None else nonce,
            is_delegation=amount is None,
            failure=None,
        )
        self.pool.append(command)
        return command

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
        del delay  # all at once
        self.unlocked |= {str(sender.public) for sender in senders}
        for number in range(count):
            sender = senders[number % len(senders)]
            await self._sent(str(sender.public), receiver, amount, fee, None, None)

    async def set_snark_worker(self, key: str | None) -> str | None:
        await self._reach()
        before, fee = self.snark_worker
        self.snark_worker = (key, fee)
        return before

    async def set_snark_work_fee(self, fee: Fee) -> Fee:
        await self._reach()
        key, before = self.snark_worker
        self.snark_worker = (key, fee)
        return before

    async def snark_pool(self) -> tuple[SnarkWork, ...]:
        await self._reach()
        return self.works

    async def pooled_user_commands(self, sender: str | None = None) -> tuple[SentCommand, ...]:
        await self._reach()
        return tuple(command for command in self.pool if sender in (None, command.fee_payer))

    async def transaction_status(self, transaction_id: str) -> TransactionStatus:
        await self._reach()
        if transaction_id in self.included:
            return TransactionStatus.INCLUDED
        waits = any(command.id == transaction_id for command in self.pool)
        return TransactionStatus.PENDING if waits else TransactionStatus.UNKNOWN

    async def import_account(self, path: str, password: str) -> str:
        """Answers the file's name: a fake's key files are named after their keys."""
        del password
        await self._reach()
        return path.rpartition("/")[2]

    async def unlock_account(self, public_key: str, password: str) -> None:
        del password
        await self._reach()
        self.unlocked.add(public_key)

    async def lock_account(self, public_key: str) -> None:
        await self._reach()
        self.unlocked.discard(public_key)

"""The client of one daemon: GraphQL in, typed values out."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import msgspec

from coda_executive.client import operations
from coda_executive.errors import RequestFailed, logs_of
from coda_executive.interfaces.client import (
    AccountState,
    AccountTiming,
    BlockContents,
    ChainBlock,
    DaemonMetrics,
    DaemonStatus,
    HttpTransport,
    Peer,
    SentCommand,
    SnarkWork,
    TextChannel,
    TransactionStatus,
    WebsocketTransport,
)
from coda_protocol.currency import Amount, Balance, Fee
from coda_protocol.hashes import LedgerHash, StateHash, TransactionHash
from coda_protocol.keys import Keypair
from coda_protocol.signatures import Signature
from coda_protocol.slots import BlockchainLength, GlobalSlot

REQUEST_SECONDS = 30.0
_OK = 200

T = TypeVar("T")


class DaemonClient:
    """Satisfies NodeClient over whatever transport the node offers. `node` is the name used in errors.

    No request is repeated: a reply that was lost is neither done nor failed, and the caller is told so.
    """

    def __init__(self, node: str, transport: HttpTransport, *, seconds: float = REQUEST_SECONDS) -> None:
        self._node = node
        self._transport = transport
        self._seconds = seconds

    async def execute(self, document: str, variables: dict[str, Any] | None = None) -> dict[str, Any]:
        body = msgspec.json.encode({"query": document, "variables": variables or {}})
        try:
            reply = await self._transport.post(
                "/graphql", body, content_type="application/json", seconds=self._seconds
            )
        except ConnectionRefusedError as error:
            raise _failed(
                self._node, f"does not listen on its GraphQL port: {error}. Is it running?", definite=True
            ) from error
        except TimeoutError as error:
            raise _failed(
                self._node, f"did not answer a GraphQL request within {self._seconds:g} s", definite=False
            ) from error
        except ConnectionError as error:
            raise _failed(
                self._node, f"closed the connection before it answered: {error}", definite=False
            ) from error
        return _data(self._node, reply.status, reply.body)

    @asynccontextmanager
    async def subscribe(
        self, document: str, variables: dict[str, Any] | None = None
    ) -> AsyncIterator[AsyncIterator[dict[str, Any]]]:
        """In the protocol that the real daemon speaks, Apollo's older one (daemon contract D.1)."""
        if not isinstance(self._transport, WebsocketTransport):
            raise RequestFailed(f"the way to {self._node} carries no websockets", definite=True)
        try:
            async with self._transport.websocket(
                "/graphql", protocol="graphql-ws", seconds=self._seconds
            ) as channel:
                await channel.send(_text({"type": "connection_init", "payload": {}}))
                payload = {"query": document, "variables": variables or {}}
                await channel.send(_text({"type": "start", "id": "1", "payload": payload}))
                yield self._answers(channel)
        except (ConnectionError, TimeoutError) as error:
            raise RequestFailed(
                f"{self._node} cannot be subscribed to: {error or 'it did not answer in time'}",
                definite=isinstance(error, ConnectionRefusedError),
            ) from error

    async def _answers(self, channel: TextChannel) -> AsyncIterator[dict[str, Any]]:
        """Until the daemon says that it is complete. Raises RequestFailed for its errors and when it goes."""
        while (text := await channel.receive()) is not None:
            message = msgspec.json.decode(text)
            match message.get("type"):
                case "data":
                    yield _data(self._node, _OK, msgspec.json.encode(message["payload"]))
                case "error" | "connection_error":
                    raise RequestFailed(
                        f"{self._node} refused a subscription: {message.get('payload')}", definite=True
                    )
                case "complete":
                    return
        raise RequestFailed(f"{self._node} closed a subscription", definite=False)

    async def sync_status(self) -> str:
        data = await self.execute(operations.SYNC_STATUS)
        return _typed(self._node, data, operations.SyncStatusReply).sync_status

    async def daemon_status(self) -> DaemonStatus:
        data = await self.execute(operations.DAEMON_STATUS)
        found = _typed(self._node, data, operations.DaemonStatusReply).daemon_status
        length, tip_slot = found.blockchain_length, found.global_slot_since_genesis_best_tip
        return DaemonStatus(
            sync_status=found.sync_status,
            blockchain_length=None if length is None else BlockchainLength(length),
            highest_block_length_received=BlockchainLength(found.highest_block_length_received),
            state_hash=None if found.state_hash is None else StateHash(found.state_hash),
            global_slot_best_tip=None if tip_slot is None else GlobalSlot(tip_slot),
            peers=tuple(_peer(peer) for peer in found.peers),
            uptime_seconds=found.uptime_secs,
            commit=found.commit_id,
        )

    async def best_chain(self, max_length: int | None = None) -> tuple[ChainBlock, ...]:
        data = await self.execute(operations.BEST_CHAIN, {"maxLength": max_length})
        blocks = _typed(self._node, data, operations.BestChainReply).best_chain
        chain = tuple(
            ChainBlock(
                state_hash=StateHash(block.state_hash),
                parent=StateHash(block.protocol_state.previous_state_hash),
                height=BlockchainLength(int(block.protocol_state.consensus_state.block_height)),
                global_slot=GlobalSlot(int(block.protocol_state.consensus_state.slot_since_genesis)),
                creator=block.creator_account.public_key,
            )
            for block in blocks
        )
        # Some servers answer newest first (daemon contract D.3).
        return chain if len(chain) < 2 or chain[0].height < chain[-1].height else chain[::-1]

    async def block_contents(self, max_length: int | None = None) -> tuple[BlockContents, ...]:
        data = await self.execute(operations.BLOCK_CONTENTS, {"maxLength": max_length})
        blocks = _typed(self._node, data, operations.BlockContentsReply).best_chain
        return tuple(sorted(map(_contents, blocks), key=lambda block: block.height))

    async def own_peer(self) -> Peer:
        data = await self.execute(operations.OWN_PEER)
        return _peer(_typed(self._node, data, operations.OwnPeerReply).daemon_status.addrs_and_ports.peer)

    async def gate(
        self, *, isolate: bool = False, banned: Sequence[Peer] = (), trusted: Sequence[Peer] = ()
    ) -> None:
        given = {
            "isolate": isolate,
            "bannedPeers": [_peer_input(peer) for peer in banned],
            "trustedPeers": [_peer_input(peer) for peer in trusted],
        }
        await self.execute(operations.SET_GATING, {"input": given})

    async def peers(self) -> tuple[Peer, ...]:
        data = await self.execute(operations.PEERS)
        return tuple(_peer(peer) for peer in _typed(self._node, data, operations.PeersReply).get_peers)

    async def metrics(self) -> DaemonMetrics:
        data = await self.execute(operations.METRICS)
        found = _typed(self._node, data, operations.MetricsReply).daemon_status.metrics
        return DaemonMetrics(
            block_production_delay=found.block_production_delay,
            transaction_diffs_received=found.transaction_pool_diff_received,
            transaction_diffs_broadcast=found.transaction_pool_diff_broadcasted,
            transactions_added=found.transactions_added_to_pool,
            transaction_pool_size=found.transaction_pool_size,
            snark_diffs_received=found.snark_pool_diff_received,
            snark_diffs_broadcast=found.snark_pool_diff_broadcasted,
            pending_snark_work=found.pending_snark_work,
            snark_pool_size=found.snark_pool_size,
        )

    async def account(self, public_key: str, *, token: str | None = None) -> AccountState | None:
        data = await self.execute(operations.ACCOUNT, {"publicKey": public_key, "token": token})
        found = _typed(self._node, data, operations.AccountReply).account
        if found is None:
            return None
        balance, delegate = found.balance, found.delegate_account
        return AccountState(
            found.public_key,
            Balance(int(balance.total)),
            Balance(int(balance.liquid)),
            Balance(int(balance.locked)),
            int(found.nonce),
            int(found.inferred_nonce),
            None if delegate is None else delegate.public_key,
            _timing(found.timing),
            found.voting_for,
            found.token_id,
        )

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
        given = _input(sender, receiver, fee, nonce, valid_until, memo) | {"amount": str(amount)}
        data = await self.execute(
            operations.SEND_PAYMENT, {"input": given, "signature": _signature(signature)}
        )
        return _command(_typed(self._node, data, operations.SendPaymentReply).send_payment.payment)

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
        given = _input(sender, delegate, fee, nonce, valid_until, memo)
        data = await self.execute(
            operations.SEND_DELEGATION, {"input": given, "signature": _signature(signature)}
        )
        return _command(_typed(self._node, data, operations.SendDelegationReply).send_delegation.delegation)

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
        given = {
            "senders": [sender.private.reveal() for sender in senders],
            "receiver": receiver,
            "amount": str(amount),
            "fee": str(fee),
            "count": str(count),
            "delay": str(round(delay * 1000)),
        }
        await self.execute(operations.SEND_TEST_PAYMENTS, given)

    async def set_snark_worker(self, key: str | None) -> str | None:
        data = await self.execute(operations.SET_SNARK_WORKER, {"input": {"publicKey": key}})
        return _typed(self._node, data, operations.SetSnarkWorkerReply).set_snark_worker.last_snark_worker

    async def set_snark_work_fee(self, fee: Fee) -> Fee:
        data = await self.execute(operations.SET_SNARK_WORK_FEE, {"input": {"fee": str(fee)}})
        return Fee(int(_typed(self._node, data, operations.SetSnarkWorkFeeReply).set_snark_work_fee.last_fee))

    async def snark_pool(self) -> tuple[SnarkWork, ...]:
        data = await self.execute(operations.SNARK_POOL)
        works = _typed(self._node, data, operations.SnarkPoolReply).snark_pool
        return tuple(SnarkWork(work.prover, Fee(int(work.fee)), tuple(work.work_ids)) for work in works)

    async def pooled_user_commands(self, sender: str | None = None) -> tuple[SentCommand, ...]:
        data = await self.execute(operations.POOLED_USER_COMMANDS, {"publicKey": sender})
        return tuple(map(_command, _typed(self._node, data, operations.PooledReply).pooled_user_commands))

    async def transaction_status(self, transaction_id: str) -> TransactionStatus:
        data = await self.execute(operations.TRANSACTION_STATUS, {"payment": transaction_id})
        return _typed(self._node, data, operations.TransactionStatusReply).transaction_status

    async def create_account(self, password: str) -> str:
        data = await self.execute(operations.CREATE_ACCOUNT, {"password": password})
        return _typed(self._node, data, operations.CreateAccountReply).create_account.public_key

    async def start_filtered_log(self, event_ids: Sequence[str]) -> bool:
        data = await self.execute(operations.START_FILTERED_LOG, {"filter": list(event_ids)})
        return _typed(self._node, data, operations.StartFilteredLogReply).start_filtered_log

    async def filtered_log_entries(self, offset: int = 0) -> tuple[str, ...]:
        data = await self.execute(operations.FILTERED_LOG_ENTRIES, {"offset": offset})
        found = _typed(self._node, data, operations.FilteredLogEntriesReply)
        return found.get_filtered_log_entries.log_messages

    async def import_account(self, path: str, password: str) -> str:
        data = await self.execute(operations.IMPORT_ACCOUNT, {"path": path, "password": password})
        return _typed(self._node, data, operations.ImportAccountReply).import_account.public_key

    async def unlock_account(self, public_key: str, password: str) -> None:
        await self.execute(operations.UNLOCK_ACCOUNT, {"publicKey": public_key, "password": password})

    async def lock_account(self, public_key: str) -> None:
        await self.execute(operations.LOCK_ACCOUNT, {"publicKey": public_key})


def _input(
    sender: str, receiver: str, fee: Fee, nonce: int | None, valid_until: GlobalSlot | None, memo: str
) -> dict[str, str]:
    """The common part of what payments and delegations are sent as; numbers as decimal texts."""
    given = {"from": sender, "to": receiver, "fee": str(fee)}
    if nonce is not None:
        given["nonce"] = str(nonce)
    if valid_until is not None:
        given["validUntil"] = str(valid_until)
    if memo:
        given["memo"] = memo
    return given


def _signature(signature: Signature | None) -> dict[str, str] | None:
    return None if signature is None else {"rawSignature": signature.raw_hex}


def _command(fields: operations.CommandFields) -> SentCommand:
    return SentCommand(
        id=fields.id,
        hash=TransactionHash(fields.hash),
        fee_payer=fields.source.public_key,
        receiver=fields.receiver.public_key,
        amount=Amount(int(fields.amount)),
        fee=Fee(int(fields.fee)),
        nonce=fields.nonce,
        is_delegation=fields.kind == "STAKE_DELEGATION",
        failure=fields.failure_reason,
    )


def _contents(block: operations.ContentsReply) -> BlockContents:
    state = block.protocol_state.consensus_state
    return BlockContents(
        state_hash=StateHash(block.state_hash),
        height=BlockchainLength(int(state.block_height)),
        global_slot=GlobalSlot(int(state.slot_since_genesis)),
        commands=block.command_transaction_count,
        works=len(block.snark_jobs),
        coinbase=Amount(int(block.transactions.coinbase)),
        snarked_ledger=LedgerHash(block.protocol_state.blockchain_state.snarked_ledger_hash),
        staking_ledger=LedgerHash(state.staking_epoch_data.ledger.hash),
        next_ledger=LedgerHash(state.next_epoch_data.ledger.hash),
    )


def _timing(found: operations.TimingReply | None) -> AccountTiming | None:
    if found is None or found.initial_minimum_balance is None:
        return None
    return AccountTiming(
        Balance(int(found.initial_minimum_balance)),
        GlobalSlot(int(found.cliff_time or 0)),
        Amount(int(found.cliff_amount or 0)),
        int(found.vesting_period or 0),
        Amount(int(found.vesting_increment or 0)),
    )


def _peer_input(peer: Peer) -> dict[str, str | int]:
    return {"host": peer.host, "libp2pPort": peer.port, "peerId": peer.peer_id}


def _peer(peer: operations.PeerReply) -> Peer:
    return Peer(peer.host, peer.libp2p_port, peer.peer_id)


def _failed(node: str, text: str, *, definite: bool) -> RequestFailed:
    error = RequestFailed(f"{node} {text}", definite=definite)
    error.add_note(f"next: {logs_of(node)}")
    return error


def _data(node: str, status: int, body: bytes) -> dict[str, Any]:
    """The `data` of a GraphQL answer; every shape of failure in daemon contract D.2 is told apart from it.

    Only a refusal surely had no effect: a server that stumbled over its answer may have done what was asked.
    """
    excerpt = body[:300].decode("utf-8", "replace")
    if status != 200:
        text = f"answered a GraphQL request with HTTP {status}: {excerpt}"
        raise _failed(node, text, definite=400 <= status < 500)
    try:
        answer = msgspec.json.decode(body)
    except msgspec.DecodeError as error:
        raise _failed(node, f"answered a GraphQL request with no JSON: {excerpt}", definite=False) from error
    if not isinstance(answer, dict):
        raise _failed(node, f"refused a GraphQL document: {excerpt}", definite=True)
    data = answer.get("data")
    errors = answer.get("errors")
    if errors:
        messages = "; ".join(
            str(error.get("message", error)) if isinstance(error, dict) else str(error) for error in errors
        )
        did_something = isinstance(data, dict) and any(value is not None for value in data.values())
        raise _failed(node, f"answered a GraphQL request with errors: {messages}", definite=not did_something)
    if not isinstance(data, dict):
        raise _failed(node, f"answered a GraphQL request without data or errors: {excerpt}", definite=False)
    return data


def _typed(node: str, data: dict[str, Any], kind: type[T]) -> T:
    try:
        return msgspec.convert(data, kind, strict=False)
    except msgspec.ValidationError as error:
        raise _failed(
            node, f"answered with data of another shape than its schema's: {error}", definite=False
        ) from error


def _text(message: dict[str, Any]) -> str:
    return msgspec.json.encode(message).decode()

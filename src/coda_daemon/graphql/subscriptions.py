"""GraphQL over a websocket: subscriptions, and queries too, in both protocols that clients speak (daemon
contract D.1).

Apollo's older one (subprotocol `graphql-ws`) is the real daemon's; the newer one (`graphql-transport-ws`) is
what today's libraries speak. They differ in names and in what they do about faults: see `_Dialect`.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import msgspec
from graphql import (
    DocumentNode,
    ExecutionResult,
    FieldNode,
    GraphQLError,
    OperationDefinitionNode,
    OperationType,
    get_operation_ast,
)
from graphql.execution.values import get_argument_values, get_variable_values

from coda_daemon import websocket
from coda_daemon.announcements import Announcement, BlockAdded, Reorganized, SyncChanged
from coda_daemon.graphql.blocks import block_fields
from coda_daemon.ledger.command import parse_command
from coda_daemon.ports import Channel

if TYPE_CHECKING:
    from coda_daemon.blocks import Block
    from coda_daemon.graphql.execution import Executor
    from coda_daemon.rest import DaemonView

MAX_SUBSCRIPTIONS = 100  # of one connection
MAX_PENDING = 1000  # answers that a client has not read yet; it is cut off beyond …
MAX_PENDING_BYTES = 16 * 1024 * 1024  # … or beyond this
INIT_LIMIT = 10.0  # seconds until `connection_init` must have come
SILENCE_LIMIT = 30.0  # seconds; then a ping, and after as many again the end
FLUSH_LIMIT = 5.0  # seconds for a client to read the last of what it is told
_ONE_FIELD = "Subscriptions only allow exactly one selection for the operation."


@dataclass(frozen=True, slots=True)
class _Dialect:
    """What the two protocols call the same things."""

    start: str
    stop: str
    data: str
    is_strict: bool  # a fault of the client closes the connection, with a code of its own


LEGACY: Final = _Dialect("start", "stop", "data", is_strict=False)
MODERN: Final = _Dialect("subscribe", "complete", "next", is_strict=True)
PROTOCOLS: Final = {"graphql-ws": LEGACY, "graphql-transport-ws": MODERN}


class _Message(msgspec.Struct, frozen=True):
    type: str
    id: str | None = None
    payload: Any = None


class _Payload(msgspec.Struct, frozen=True, rename="camel"):
    query: str
    variables: dict[str, Any] | None = None
    operation_name: str | None = None


class _Faults(Exception):
    """A document cannot be run: GraphQL errors."""

    def __init__(self, errors: list[dict[str, Any]]) -> None:
        super().__init__(str(errors))
        self.errors = errors


class _Close(Exception):
    """The client is to be cut off with a code."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


@dataclass(frozen=True, slots=True)
class _Subscription:
    """One that runs: what it wants, and how to answer it."""

    field: str
    arguments: dict[str, Any]
    run: Callable[[dict[str, Any]], ExecutionResult]


async def serve(view: "DaemonView", executor: "Executor", protocol: str | None, channel: Channel) -> None:
    """Talk to one client until it goes. Does not raise on what the client does."""
    session = _Session(view, executor, PROTOCOLS.get(protocol or "", LEGACY), channel)
    stop_listening = view.node.announcements.listen(session.announce)
    reading = asyncio.create_task(session.read(), name="websocket read")
    writing = asyncio.create_task(session.write(), name="websocket write")
    try:
        await asyncio.wait({reading, writing}, return_when=asyncio.FIRST_COMPLETED)
        if not writing.done():
            await asyncio.wait({writing}, timeout=FLUSH_LIMIT)
    finally:
        stop_listening()
        reading.cancel()
        writing.cancel()
        await asyncio.gather(reading, writing, return_exceptions=True)
    for task in (reading, writing):
        if not task.cancelled() and (error := task.exception()) and not isinstance(error, ConnectionError):
            raise error


@dataclass(slots=True)
class _Session:
    view: "DaemonView"
    executor: "Executor"
    dialect: _Dialect
    channel: Channel
    is_initialised: bool = False
    subscriptions: dict[str, _Subscription] = field(default_factory=dict)
    # Whole frames; announcements, of which frames are made when their turn has come; None at the end.
    outgoing: "asyncio.Queue[bytes | tuple[str, _Subscription, Announcement] | None]" = field(
        default_factory=asyncio.Queue
    )
    pending_bytes: int = 0
    is_too_slow: bool = False

    # ---- out ----

    def announce(self, announcement: Announcement) -> None:
        for name, subscription in self.subscriptions.items():
            if _concerns(subscription, announcement):
                self._put((name, subscription, announcement))

    async def write(self) -> None:
        while (item := await self.outgoing.get()) is not None:
            if isinstance(item, bytes):
                self.pending_bytes -= len(item)
                await self.channel.write(item)
                continue
            name, subscription, announcement = item
            if self.subscriptions.get(name) is subscription:
                root = {subscription.field: _root_value(self.view, announcement)}
                await self.channel.write(_encoded(self.dialect.data, name, _payload(subscription.run(root))))

    def _put(self, item: "bytes | tuple[str, _Subscription, Announcement]") -> None:
        size = len(item) if isinstance(item, bytes) else 0
        if self.outgoing.qsize() < MAX_PENDING and self.pending_bytes + size <= MAX_PENDING_BYTES:
            self.pending_bytes += size
            self.outgoing.put_nowait(item)
        elif not self.is_too_slow:
            # What waits already would be for nobody: the client learns from the end that it missed something.
            self.is_too_slow = True
            self.subscriptions.clear()
            while not self.outgoing.empty():
                self.outgoing.get_nowait()
            self._end(1013, "the client reads too slowly")

    def _send(self, kind: str, name: str | None = None, payload: Any = None) -> None:
        self._put(_encoded(kind, name, payload))

    def _end(self, code: int, reason: str = "") -> None:
        self.outgoing.put_nowait(websocket.close_frame(code, reason))
        self.outgoing.put_nowait(None)

    # ---- in ----

    async def read(self) -> None:
        """Handle what the client sends, to the end; then the writer has been told to stop."""
        socket = websocket.WebSocket()
        is_probed = False
        while True:
            try:
                async with asyncio.timeout(SILENCE_LIMIT if self.is_initialised else INIT_LIMIT):
                    data = await self.channel.read()
            except TimeoutError:
                if is_probed or not self.is_initialised:
                    late = (4408, "Connection initialisation timeout")
                    self._end(*((websocket.GOING_AWAY, "no sign of life") if is_probed else late))
                    return
                is_probed = True
                self._put(websocket.ping_frame())
                continue
            if not data:
                self.outgoing.put_nowait(None)
                return
            is_probed = False
            for event in socket.receive(data):
                if not self._take(event):
                    return

    def _take(self, event: websocket.Event) -> bool:
        """Whether the conversation goes on."""
        match event:
            case websocket.Closed():
                self._end(event.code, event.reason)
                return False
            case websocket.Ping():
                self._put(websocket.pong_frame(event.payload))
            case websocket.Text():
                try:
                    self._handle(event.text)
                except _Close as close:
                    self._end(close.code, str(close))
                    return False
        return not self.is_too_slow

    def _handle(self, text: str) -> None:
        try:
            message = msgspec.json.decode(text, type=_Message)
        except (msgspec.DecodeError, RecursionError):
            self._complain("Invalid message received")
            return
        match message.type:
            case "connection_init":
                if self.is_initialised and self.dialect.is_strict:
                    raise _Close(4429, "Too many initialisation requests")
                self.is_initialised = True
                self._send("connection_ack")
            case "connection_terminate" if not self.dialect.is_strict:
                raise _Close(websocket.NORMAL, "")
            case "ping" if self.dialect.is_strict:
                self._send("pong", payload=message.payload)
            case "pong" if self.dialect.is_strict:
                pass
            case kind if message.id and kind == self.dialect.start:
                self._start(message.id, message.payload)
            case kind if message.id and kind == self.dialect.stop:
                was_running = self.subscriptions.pop(message.id, None) is not None
                if was_running and not self.dialect.is_strict:
                    self._send("complete", message.id)
            case kind:
                self._complain(f"Invalid message of type {kind[:50]!r}")

    def _complain(self, about: str) -> None:
        if self.dialect.is_strict:
            raise _Close(4400, about)
        self._send("connection_error", payload={"message": about})

    def _start(self, name: str, raw: Any) -> None:
        if not self.is_initialised:
            if self.dialect.is_strict:
                raise _Close(4401, "Unauthorized")
            self.is_initialised = True  # the real daemon's server asks for no `connection_init` either
        if self.dialect.is_strict and name in self.subscriptions:
            raise _Close(4409, f"Subscriber for {name[:50]} already exists")
        try:
            payload = msgspec.convert(raw, _Payload)
        except msgspec.ValidationError as error:
            self._complain(f"Invalid payload: {error}")
            return
        try:
            self._begin(name, payload)
        except _Faults as faults:
            # The older protocol has room for one error only.
            self._send("error", name, faults.errors if self.dialect.is_strict else faults.errors[0])

    def _begin(self, name: str, payload: _Payload) -> None:
        """Raises _Faults."""
        document = self.executor.prepared(payload.query)
        if not isinstance(document, DocumentNode):
            raise _Faults(_errors_of(document[1]))
        operation = get_operation_ast(document, payload.operation_name)
        if operation is None or operation.operation is not OperationType.SUBSCRIPTION:
            _status, body = self.executor.execute(payload.query, payload.variables, payload.operation_name)
            self._send(self.dialect.data, name, msgspec.Raw(body))
            self._send("complete", name)
            return
        if len(self.subscriptions) >= MAX_SUBSCRIPTIONS and name not in self.subscriptions:
            raise _Faults([{"message": f"More than {MAX_SUBSCRIPTIONS} subscriptions on one connection"}])
        subscription = self._subscription(document, operation, payload)
        self.subscriptions[name] = subscription
        if subscription.field == "newSyncUpdate":
            # The real daemon tells the status there is before its changes.
            self._put((name, subscription, SyncChanged(self.view.node.sync_status)))

    def _subscription(
        self, document: DocumentNode, operation: OperationDefinitionNode, payload: _Payload
    ) -> _Subscription:
        selections = operation.selection_set.selections
        schema = self.executor.schema
        root = schema.subscription_type
        node = selections[0]
        if len(selections) != 1 or not isinstance(node, FieldNode) or root is None:
            raise _Faults([{"message": _ONE_FIELD}])
        definition = root.fields.get(node.name.value)
        if definition is None:  # __typename
            raise _Faults([{"message": _ONE_FIELD}])
        values = get_variable_values(
            schema, operation.variable_definitions or (), payload.variables or {}, max_errors=1
        )
        if isinstance(values, list):
            raise _Faults([{"message": values[0].message}])
        try:
            arguments = get_argument_values(definition, node, values)
        except GraphQLError as error:
            raise _Faults([{"message": error.message}]) from None

        def run(root_value: dict[str, Any]) -> ExecutionResult:
            return self.executor.run(document, root_value, payload.variables, payload.operation_name)

        return _Subscription(node.name.value, arguments, run)


def _concerns(subscription: _Subscription, announcement: Announcement) -> bool:
    match announcement:
        case SyncChanged():
            return subscription.field == "newSyncUpdate"
        case Reorganized():
            return subscription.field == "chainReorganization"
        case BlockAdded():
            if subscription.field != "newBlock":
                return False
            wanted = subscription.arguments.get("publicKey")
            return wanted is None or wanted in _participants(announcement.block)


def _participants(block: "Block") -> set[str]:
    """The public keys that a block is of interest to: its creator and those of its transactions."""
    keys: set[str] = {block.creator, block.consensus_state.coinbase_receiver}
    keys.update(transfer.receiver for transfer in block.body.fee_transfers)
    for included in block.body.commands:
        command = parse_command(included.id)
        keys.update((command.fee_payer, command.receiver))
    return keys


def _root_value(view: "DaemonView", announcement: Announcement) -> Any:
    match announcement:
        case SyncChanged():
            return str(announcement.status)
        case Reorganized():
            return "CHANGED"
        case BlockAdded():
            return block_fields(view, announcement.block)


def _payload(result: ExecutionResult) -> dict[str, Any]:
    if not result.errors:
        return {"data": result.data}
    return {
        "errors": [{"message": error.message, "path": error.path} for error in result.errors],
        "data": result.data,
    }


def _errors_of(body: bytes) -> list[dict[str, Any]]:
    """The errors in an answer to a document that cannot be run; a syntax error is bare text there."""
    answer = msgspec.json.decode(body)
    errors: list[dict[str, Any]] = [{"message": answer}] if isinstance(answer, str) else answer["errors"]
    return errors


def _encoded(kind: str, name: str | None, payload: Any) -> bytes:
    message: dict[str, Any] = {"type": kind}
    if name is not None:
        message["id"] = name
    if payload is not None:
        message["payload"] = payload
    return websocket.text_frame(msgspec.json.encode(message).decode())

"""The server's side of a websocket (RFC 6455): the handshake, and frames as a machine without I/O.

    socket = WebSocket()
    for event in socket.receive(data):      Text, Ping, Closed; a fault of the client is a Closed too
    channel.write(text_frame("…"))

Extensions are not offered, and messages are text: both GraphQL protocols need no more.
"""

import base64
import binascii
import codecs
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from coda_daemon.ports import Request

MAX_MESSAGE = 1024 * 1024  # bytes that a client may send in one message
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3

_CONTINUATION, _TEXT, _BINARY, _CLOSE, _PING, _PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA

NORMAL, GOING_AWAY = 1000, 1001
_PROTOCOL_ERROR, _NOT_TEXT, _NO_CODE, _BAD_UTF8, _TOO_BIG = 1002, 1003, 1005, 1007, 1009


class BadHandshake(Exception):
    """A request that cannot become a websocket: an HTTP status, and what was expected."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


@dataclass(frozen=True, slots=True)
class Text:
    text: str


@dataclass(frozen=True, slots=True)
class Ping:
    """To be answered with `pong_frame`."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class Closed:
    """The connection is over: the client said so, or broke the rules. `code` is what to answer with."""

    code: int
    reason: str


Event = Text | Ping | Closed


def wants_websocket(request: Request) -> bool:
    return "websocket" in _tokens(request.headers.get("upgrade", ""))


def accept(request: Request, *, protocols: tuple[str, ...]) -> tuple[dict[str, str], str | None]:
    """The headers of the 101 answer, and which of the protocols was agreed on; None if the client named none.

    Raises BadHandshake.
    """
    headers = request.headers
    if request.method != "GET" or "upgrade" not in _tokens(headers.get("connection", "")):
        raise BadHandshake(400, "Expected GET with Connection: Upgrade")
    if headers.get("sec-websocket-version") != "13":
        raise BadHandshake(426, "Expected Sec-WebSocket-Version: 13")
    key = headers.get("sec-websocket-key", "")
    try:
        is_key = len(base64.b64decode(key, validate=True)) == 16
    except (binascii.Error, ValueError):
        is_key = False
    if not is_key:
        raise BadHandshake(400, "Sec-WebSocket-Key is not 16 bytes in base64")
    digest = hashlib.sha1(key.encode() + _GUID, usedforsecurity=False).digest()
    answer = {
        "upgrade": "websocket",
        "connection": "Upgrade",
        "sec-websocket-accept": base64.b64encode(digest).decode(),
    }
    offered = [name.strip() for name in headers.get("sec-websocket-protocol", "").split(",") if name.strip()]
    if not offered:
        return answer, None
    agreed = next((name for name in offered if name in protocols), None)
    if agreed is None:
        raise BadHandshake(400, f"Expected one of the subprotocols {', '.join(protocols)}")
    return {**answer, "sec-websocket-protocol": agreed}, agreed


def text_frame(text: str) -> bytes:
    return _frame(_TEXT, text.encode())


def ping_frame() -> bytes:
    return _frame(_PING, b"")


def pong_frame(payload: bytes) -> bytes:
    return _frame(_PONG, payload)


def close_frame(code: int, reason: str = "") -> bytes:
    """A close frame; a client that gave no code gets none."""
    if code == _NO_CODE:
        return _frame(_CLOSE, b"")
    return _frame(_CLOSE, code.to_bytes(2, "big") + reason.encode()[:123].decode(errors="ignore").encode())


class WebSocket:
    """Frames of a client, put together from bytes as they come. After a `Closed` there is nothing more."""

    def __init__(self, *, max_message: int = MAX_MESSAGE) -> None:
        self._max_message = max_message
        self._buffer = bytearray()
        self._message: bytearray | None = None  # fragments so far
        self._is_over = False

    def receive(self, data: bytes) -> Iterator[Event]:
        """What some bytes complete. Never raises."""
        self._buffer += data
        try:
            while not self._is_over and (frame := self._next_frame()) is not None:
                event = self._take(*frame)
                if event is not None:
                    self._is_over = isinstance(event, Closed)
                    yield event
        except _Fault as fault:
            self._is_over = True
            yield Closed(fault.code, str(fault))

    def _next_frame(self) -> tuple[int, bool, bytes] | None:
        """Opcode, whether it ends its message, and payload; None while it is not all there."""
        buffer = self._buffer
        if len(buffer) < 2:
            return None
        is_final, opcode = bool(buffer[0] & 0x80), buffer[0] & 0x0F
        if buffer[0] & 0x70:
            raise _Fault(_PROTOCOL_ERROR, "reserved bits are set; no extension was agreed on")
        if not buffer[1] & 0x80:
            raise _Fault(_PROTOCOL_ERROR, "a client's frames must be masked")
        if opcode not in (_CONTINUATION, _TEXT, _BINARY, _CLOSE, _PING, _PONG):
            raise _Fault(_PROTOCOL_ERROR, f"unknown opcode {opcode}")
        length, begin = buffer[1] & 0x7F, 2
        if opcode >= _CLOSE and (length > 125 or not is_final):
            raise _Fault(_PROTOCOL_ERROR, "a control frame is too long or fragmented")
        if length >= 126:
            begin += 2 if length == 126 else 8
            if len(buffer) < begin:
                return None
            length, shortest = int.from_bytes(buffer[2:begin], "big"), 126 if length == 126 else 65536
            if not shortest <= length < 2**63:
                raise _Fault(_PROTOCOL_ERROR, "a length is not in its shortest form")
        if length + len(self._message or b"") > self._max_message:
            raise _Fault(_TOO_BIG, f"a message of more than {self._max_message} bytes")
        end = begin + 4 + length
        if len(buffer) < end:
            return None
        payload = _unmasked(bytes(buffer[begin + 4 : end]), bytes(buffer[begin : begin + 4]))
        del buffer[:end]
        return opcode, is_final, payload

    def _take(self, opcode: int, is_final: bool, payload: bytes) -> Event | None:
        match opcode:
            case 0x9:
                return Ping(payload)
            case 0xA:
                return None
            case 0x8:
                return _closed(payload)
            case 0x2:
                raise _Fault(_NOT_TEXT, "expected text messages")
            case 0x1 if self._message is not None:
                raise _Fault(_PROTOCOL_ERROR, "a message begins within another one")
            case 0x1:
                self._message = bytearray(payload)
            case _ if self._message is None:
                raise _Fault(_PROTOCOL_ERROR, "a fragment continues no message")
            case _:
                self._message += payload
        if not is_final:
            return None
        message, self._message = self._message, None
        return Text(_utf8(message))


class _Fault(Exception):
    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


def _closed(payload: bytes) -> Closed:
    if not payload:
        return Closed(_NO_CODE, "")
    code = int.from_bytes(payload[:2], "big")
    # RFC 6455, section 7.4: 1004 to 1006 and 1015 never travel, 3000 to 4999 are the applications'.
    is_known = code in (*range(1000, 1004), *range(1007, 1015)) or 3000 <= code < 5000
    if len(payload) == 1 or not is_known:
        raise _Fault(_PROTOCOL_ERROR, "a close frame has no proper code")
    return Closed(code, _utf8(payload[2:]))


def _utf8(data: bytes | bytearray) -> str:
    try:
        return codecs.decode(data, "utf-8")
    except UnicodeDecodeError:
        raise _Fault(_BAD_UTF8, "text is not UTF-8") from None


def _unmasked(payload: bytes, mask: bytes) -> bytes:
    size = len(payload)
    repeated = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(repeated, "big")).to_bytes(size, "big")


def _frame(opcode: int, payload: bytes) -> bytes:
    size = len(payload)
    if size < 126:
        head = bytes((0x80 | opcode, size))
    elif size < 65536:
        head = bytes((0x80 | opcode, 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((0x80 | opcode, 127)) + size.to_bytes(8, "big")
    return head + payload


def _tokens(header: str) -> set[str]:
    return {token.strip().lower() for token in header.split(",")}

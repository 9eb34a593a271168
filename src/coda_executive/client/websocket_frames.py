"""The client's side of a websocket's frames (RFC 6455), as a machine without I/O. Messages are text; extensions are not
offered. For transports that have no websocket of their own.
"""

from collections.abc import Iterator
from typing import Final

_TEXT: Final = 0x1
CLOSE, PING, PONG = 0x8, 0x9, 0xA
_LONG, _LONGER = 126, 127  # lengths that say: it follows, in two bytes or eight


def client_frame(opcode: int, payload: bytes) -> bytes:
    """A frame under the mask 0, for a client's must be masked and there is nobody in between to be misled."""
    size = len(payload)
    if size < _LONG:
        head = bytes((0x80 | opcode, 0x80 | size))
    elif size < 1 << 16:
        head = bytes((0x80 | opcode, 0x80 | _LONG)) + size.to_bytes(2, "big")
    else:
        head = bytes((0x80 | opcode, 0x80 | _LONGER)) + size.to_bytes(8, "big")
    return head + bytes(4) + payload


def text_frame(text: str) -> bytes:
    return client_frame(_TEXT, text.encode())


class ServerFrames:
    """Frames of a server that does not fragment, put together from bytes as they come."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def receive(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """Opcodes and payloads that some bytes complete."""
        self._buffer += data
        while (frame := self._next()) is not None:
            yield frame

    def _next(self) -> tuple[int, bytes] | None:
        buffer = self._buffer
        if len(buffer) < 2:
            return None
        size, begin = buffer[1] & 0x7F, 2
        if size >= _LONG:
            begin += 2 if size == _LONG else 8
            size = int.from_bytes(buffer[2:begin], "big")
        end = begin + size
        if len(buffer) < end:
            return None
        frame = buffer[0] & 0x0F, bytes(buffer[begin:end])
        del buffer[:end]
        return frame

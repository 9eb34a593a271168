"""The websocket machine on its own: RFC 6455's rules, and nothing that a client sends makes it raise."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coda_daemon.web import Request
from coda_daemon.websocket import (
    BadHandshake,
    Closed,
    Event,
    Ping,
    Text,
    WebSocket,
    accept,
    close_frame,
    text_frame,
)

MASK = b"\x01\x02\x03\x04"
HEADERS = {
    "upgrade": "websocket",
    "connection": "keep-alive, Upgrade",
    "sec-websocket-version": "13",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
}


def frame(opcode: int, payload: bytes, *, final: bool = True, masked: bool = True) -> bytes:
    """A client's frame; `opcode` may carry reserved bits."""
    size = len(payload)
    bit = 0x80 if masked else 0
    if size < 126:
        head = bytes([bit | size])
    elif size < 65536:
        head = bytes([bit | 126]) + size.to_bytes(2, "big")
    else:
        head = bytes([bit | 127]) + size.to_bytes(8, "big")
    body = bytes(byte ^ MASK[i % 4] for i, byte in enumerate(payload))
    return bytes([(0x80 if final else 0) | opcode]) + head + ((MASK + body) if masked else payload)


def events(*data: bytes, max_message: int = 1 << 20) -> list[Event]:
    socket = WebSocket(max_message=max_message)
    return [event for piece in data for event in socket.receive(piece)]


def test_the_handshake_answers_the_key_of_the_rfc() -> None:
    headers, protocol = accept(Request("GET", "/graphql", headers=HEADERS), protocols=("graphql-ws",))

    assert headers["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    assert protocol is None
    assert "sec-websocket-protocol" not in headers


def test_the_clients_first_known_subprotocol_is_agreed_on() -> None:
    offer = {**HEADERS, "sec-websocket-protocol": "mqtt, graphql-transport-ws, graphql-ws"}
    headers, protocol = accept(
        Request("GET", "/graphql", headers=offer), protocols=("graphql-ws", "graphql-transport-ws")
    )

    assert protocol == headers["sec-websocket-protocol"] == "graphql-transport-ws"


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"connection": "keep-alive"}, 400),
        ({"sec-websocket-version": "8"}, 426),
        ({"sec-websocket-key": "short"}, 400),
        ({"sec-websocket-key": "not base64 ü"}, 400),
        ({"sec-websocket-protocol": "mqtt"}, 400),
    ],
)
def test_a_bad_handshake_is_refused(change: dict[str, str], status: int) -> None:
    with pytest.raises(BadHandshake) as caught:
        accept(Request("GET", "/graphql", headers={**HEADERS, **change}), protocols=("graphql-ws",))

    assert caught.value.status == status


@pytest.mark.parametrize("size", [0, 125, 126, 65535, 65536])
def test_messages_of_all_sizes_arrive_however_the_bytes_are_cut(size: int) -> None:
    text = "ü" * (size // 2) + "x" * (size % 2)
    data = frame(1, text.encode()) + frame(9, b"ping")
    step = max(1, len(data) // 50)

    assert events(data) == events(*(data[i : i + step] for i in range(0, len(data), step)))
    assert events(data) == [Text(text), Ping(b"ping")]


def test_fragments_make_one_message_with_control_frames_in_between() -> None:
    found = events(frame(1, b"a", final=False), frame(9, b"?"), frame(0, b"b", final=False), frame(0, b"c"))

    assert found == [Ping(b"?"), Text("abc")]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (frame(1, b"x", masked=False), 1002),
        (frame(1 | 0x40, b"x"), 1002),
        (frame(3, b"x"), 1002),
        (frame(9, bytes(126)), 1002),
        (frame(9, b"", final=False), 1002),
        (frame(0, b"nothing to continue"), 1002),
        (frame(1, b"a", final=False) + frame(1, b"b"), 1002),
        (b"\x81\xfe\x00\x05" + MASK + b"hello", 1002),
        (b"\x81\xff" + b"\xff" * 8 + MASK, 1002),
        (frame(2, b"binary"), 1003),
        (frame(1, b"\xff"), 1007),
        (frame(1, bytes(101)), 1009),
        (frame(1, bytes(60), final=False) + frame(0, bytes(60)), 1009),
        (b"\x81\xff" + (2**40).to_bytes(8, "big") + MASK, 1009),
        (frame(8, b"\x03"), 1002),
        (frame(8, (1005).to_bytes(2, "big")), 1002),
        (frame(8, (1000).to_bytes(2, "big") + b"\xff"), 1007),
    ],
)
def test_a_fault_closes_with_its_code_and_nothing_after_it_counts(data: bytes, code: int) -> None:
    found = events(data + frame(1, b"later"), max_message=100)

    last = found[-1]
    assert isinstance(last, Closed)
    assert last.code == code
    assert Text("later") not in found


def test_a_close_is_told_with_its_code() -> None:
    assert events(frame(8, b"")) == [Closed(1005, "")]
    assert events(frame(8, (4000).to_bytes(2, "big") + b"bye")) == [Closed(4000, "bye")]
    assert close_frame(1005) == b"\x88\x00"
    assert len(close_frame(1000, "ü" * 100)) <= 2 + 125


def test_frames_of_the_server_are_not_masked_and_in_shortest_form() -> None:
    assert text_frame("x") == b"\x81\x01x"
    assert text_frame("x" * 126)[:4] == b"\x81\x7e\x00\x7e"
    assert text_frame("x" * 65536)[:10] == b"\x81\x7f" + (65536).to_bytes(8, "big")


@given(st.binary(max_size=300), st.integers(0, 2**32))
def test_any_bytes_end_in_events_and_no_error(data: bytes, seed: int) -> None:
    """Also after a proper start, and cut at random."""
    cuts = random.Random(seed)
    socket = WebSocket(max_message=1000)
    for whole in (frame(1, b"fine"), data):
        while whole:
            size = cuts.randint(1, len(whole))
            list(socket.receive(whole[:size]))
            whole = whole[size:]

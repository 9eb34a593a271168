"""Frames of a websocket's client, held against the daemon's side of them."""

import pytest

from coda_daemon import websocket
from coda_executive.client.websocket_frames import CLOSE, PONG, ServerFrames, client_frame, text_frame


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536])
def test_the_daemon_reads_what_a_client_says(size: int) -> None:
    server = websocket.WebSocket()

    assert list(server.receive(text_frame("x" * size))) == [websocket.Text("x" * size)]
    assert list(server.receive(client_frame(PONG, b"ping"))) == []
    assert [type(event) for event in server.receive(client_frame(CLOSE, b""))] == [websocket.Closed]


@pytest.mark.parametrize("piece", [1, 7, 1000])
def test_a_client_reads_what_the_daemon_says_however_it_is_cut(piece: int) -> None:
    texts = ["ü" * size for size in (0, 1, 62, 63, 64, 300, *([40_000] if piece > 1 else []))]
    stream = b"".join(map(websocket.text_frame, texts)) + websocket.ping_frame()
    client, heard = ServerFrames(), []
    for begin in range(0, len(stream), piece):
        heard += list(client.receive(stream[begin : begin + piece]))

    assert heard == [*((0x1, text.encode()) for text in texts), (0x9, b"")]

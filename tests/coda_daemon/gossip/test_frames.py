"""Frames come from outside: only ours are read, and nothing else does harm."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coda_daemon.gossip.frames import (
    Address,
    Addresses,
    Answer,
    Frame,
    Goodbye,
    Hello,
    MalformedFrame,
    Message,
    Ping,
    Request,
    decode,
    encode,
)
from coda_daemon.gossip.seen import SeenMessages, digest

FRAMES: tuple[Frame, ...] = (
    Hello(1, "chain", "12D3Koo", "10.0.0.1", 8302, bytes(32)),
    Goodbye("too many peers"),
    Addresses((Address("10.0.0.2", 8302, "12D3Koo"),)),
    Message("block", b"content"),
    Request(7, "best_tip", b""),
    Answer(7, b"tip"),
    Ping(),
)


@pytest.mark.parametrize("frame", FRAMES, ids=lambda frame: type(frame).__name__)
def test_a_frame_reads_as_it_was_written(frame: Frame) -> None:
    assert decode(encode(frame)) == frame


@given(st.binary(max_size=200))
def test_any_bytes_are_a_frame_or_malformed(data: bytes) -> None:
    try:
        frame = decode(data)
    except MalformedFrame:
        return
    assert decode(encode(frame)) == frame


@given(st.sampled_from(FRAMES), st.data())
def test_a_mutated_frame_is_a_frame_or_malformed(frame: Frame, data: st.DataObject) -> None:
    encoded = bytearray(encode(frame))
    position = data.draw(st.integers(0, len(encoded) - 1))
    encoded[position] = data.draw(st.integers(0, 255))
    with contextlib.suppress(MalformedFrame):
        decode(bytes(encoded))


def test_a_port_of_zero_is_malformed() -> None:
    with pytest.raises(MalformedFrame):
        decode(encode(Hello(1, "chain", "12D3Koo", "", 0, bytes(32))))


def test_seen_messages_forget_the_oldest_and_stay_small() -> None:
    seen = SeenMessages(10)
    names = [digest("block", bytes([index])) for index in range(40)]

    assert all(seen.add(name) for name in names)

    assert not any(seen.add(name) for name in names[-10:])
    assert seen.add(names[0])


def test_the_same_content_on_two_topics_is_two_messages() -> None:
    assert digest("block", b"x") != digest("transactions", b"x")

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.coda_daemon.chain_testbed import chain, genesis_of, make_config

from coda_daemon.blocks import MalformedBlockError, decode_block

GENESIS = genesis_of(make_config(1000))
BLOCK = chain(GENESIS, 1)[0].block


def test_decoding_gives_the_same_block_back() -> None:
    for block in (BLOCK, GENESIS.block):
        again = decode_block(block.encoded)

        assert again.state_hash == block.state_hash
        assert again.body_hash == block.body_hash
        assert again.state == block.state


def test_hashes_have_the_texts_of_the_contract() -> None:
    """C.3: `3N…` names a block, `3W…` its state's body."""
    assert BLOCK.state_hash.startswith("3N")
    assert BLOCK.body_hash.startswith("3W")
    assert BLOCK.consensus_state.staking_epoch_data.seed.startswith("2v")


@given(st.integers(0, len(BLOCK.encoded) - 1), st.integers(1, 255))
def test_changed_byte_never_passes_for_the_same_block(at: int, change: int) -> None:
    """It is no block any more, or one with another name."""
    data = bytearray(BLOCK.encoded)
    data[at] ^= change
    try:
        other = decode_block(bytes(data))
    except MalformedBlockError:
        return

    # The body is named by its hash inside the state: that is for validation to compare.
    assert other.state_hash != BLOCK.state_hash or other.body != BLOCK.body


@given(st.binary(max_size=200))
def test_noise_is_no_block(data: bytes) -> None:
    with pytest.raises(MalformedBlockError):
        decode_block(data)


@pytest.mark.parametrize("cut", [0, 1, 100, len(BLOCK.encoded) - 1])
def test_part_of_a_block_is_no_block(cut: int) -> None:
    with pytest.raises(MalformedBlockError, match="expected a block"):
        decode_block(BLOCK.encoded[:cut])


def test_longer_encoding_of_a_block_is_refused() -> None:
    """One block has one encoding, so that it is one gossip message."""
    parts = msgspec.msgpack.decode(BLOCK.encoded)
    assert msgspec.msgpack.encode(parts) == BLOCK.encoded
    coinbase = BLOCK.body.coinbase
    tail = msgspec.msgpack.encode([coinbase, [], [], []])
    assert BLOCK.encoded.endswith(tail)
    longer = BLOCK.encoded[: -len(tail)] + b"\xdc\x00\x04" + tail[1:]

    with pytest.raises(MalformedBlockError, match="shortest encoding"):
        decode_block(longer)

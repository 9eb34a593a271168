import pytest

from coda_executive.config.node_id import NodeId
from coda_executive.observation.block_log import BlockLog, SeenBlock
from coda_protocol.hashes import StateHash
from coda_protocol.slots import BlockchainLength, Epoch, GlobalSlot


def block(name: str) -> SeenBlock:
    return SeenBlock(
        state_hash=StateHash(name),
        parent=StateHash("3Nparent"),
        height=BlockchainLength(2),
        global_slot=GlobalSlot(1),
        epoch=Epoch(0),
        creator="B62",
        emitted_proof=False,
        producer=NodeId("block-producer-1"),
        time_ns=0,
    )


def names(log: BlockLog) -> list[str]:
    return [seen.state_hash for seen in log]


def test_appending_leaves_the_old_value_as_it_was() -> None:
    empty = BlockLog()
    one = empty.append(block("a"))
    two = one.append(block("b"))

    assert (names(empty), names(one), names(two)) == ([], ["a"], ["a", "b"])
    assert one.find(StateHash("b")) is None
    assert two.find(StateHash("b")) == block("b")


def test_two_futures_of_one_value_do_not_meet() -> None:
    common = BlockLog().append(block("a"))
    left = common.append(block("b")).append(block("c"))
    right = common.append(block("d"))

    assert (names(left), names(right)) == (["a", "b", "c"], ["a", "d"])
    assert left.find(StateHash("d")) is None
    assert right.find(StateHash("b")) is None


def test_a_block_that_only_another_future_knows_can_be_appended() -> None:
    common = BlockLog().append(block("a"))
    common.append(block("b"))

    assert names(common.append(block("b"))) == ["a", "b"]


def test_a_block_is_in_it_once() -> None:
    log = BlockLog().append(block("a"))

    assert log.append(block("a")) is log


def test_it_is_indexed_and_compared_by_content() -> None:
    log = BlockLog().append(block("a")).append(block("b"))
    log.append(block("c"))

    assert (log[0].state_hash, log[-1].state_hash, len(log)) == ("a", "b", 2)
    assert [seen.state_hash for seen in log.since(1)] == ["b"]
    assert log == BlockLog().append(block("a")).append(block("b"))
    assert log != BlockLog().append(block("a"))
    assert repr(log) == "<BlockLog of 2>"
    with pytest.raises(IndexError, match="there are 2 blocks, and no number 2"):
        log[2]


def test_a_hundred_thousand_blocks_share_one_list() -> None:
    log = BlockLog()
    for number in range(100_000):
        log = log.append(block(str(number)))

    assert len(log) == 100_000
    assert log[50_000].state_hash == "50000"

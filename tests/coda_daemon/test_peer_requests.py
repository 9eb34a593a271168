import pytest
from tests.coda_daemon.chain_testbed import chain, genesis_of, make_config

from coda_daemon.frontier.frontier import Frontier
from coda_daemon.gossip.link import RequestFailed
from coda_daemon.ledger.account import Account
from coda_daemon.peer_requests import (
    BEST_TIP,
    BLOCKS,
    LEDGER,
    ROOT,
    Answers,
    BestTipAnswer,
    BlocksRequest,
    LedgerRequest,
    RootAnswer,
    decode,
    decode_answered_block,
    encode,
    locator,
)
from coda_protocol.hashes import StateHash

GENESIS = genesis_of(make_config(1000, 500, k=5))
CHAIN = chain(GENESIS, 30)


def frontier_of(length: int) -> Frontier:
    frontier = Frontier(GENESIS.built, GENESIS.rules.constants)
    for built in CHAIN[:length]:
        frontier.add(built)
    return frontier


def blocks_for(frontier: Frontier, target: StateHash, *known: StateHash) -> list[int]:
    """Blockchain lengths of the blocks in the answer."""
    answer = Answers(lambda: frontier).answer(BLOCKS, encode(BlocksRequest(target, known)))
    return [decode_answered_block(data).blockchain_length for data in decode(answer, list[bytes])]


def test_best_tip_is_told_with_the_root() -> None:
    frontier = frontier_of(9)

    answer = decode(Answers(lambda: frontier).answer(BEST_TIP, b""), BestTipAnswer)

    assert decode_answered_block(answer.best_tip).state_hash == frontier.best_tip.block.state_hash
    assert decode_answered_block(answer.root).state_hash == frontier.root.block.state_hash


def test_blocks_come_oldest_first_from_the_newest_known_one_on() -> None:
    target, known = CHAIN[8].block.state_hash, CHAIN[4].block.state_hash

    assert blocks_for(frontier_of(9), target, GENESIS.block.state_hash, known) == [7, 8, 9, 10]


def test_blocks_reach_back_over_former_roots() -> None:
    target = CHAIN[29].block.state_hash

    assert blocks_for(frontier_of(30), target) == list(range(15, 32))


def test_known_target_needs_no_blocks() -> None:
    assert blocks_for(frontier_of(3), CHAIN[2].block.state_hash, CHAIN[2].block.state_hash) == []


def test_root_is_followed_by_its_ledger_even_when_the_root_has_moved() -> None:
    frontier = frontier_of(9)
    answers = Answers(lambda: frontier)
    root = decode(answers.answer(ROOT, b""), RootAnswer)
    name = decode_answered_block(root.root).state_hash
    ledger = list(frontier.root.ledger)
    for built in CHAIN[9:20]:
        frontier.add(built)

    page = decode(answers.answer(LEDGER, encode(LedgerRequest(name, 1))), list[Account])

    assert root.accounts == len(ledger)
    assert page == ledger[1:]


def test_few_roots_are_held() -> None:
    """However many a peer asks for."""
    frontier = frontier_of(6)
    answers = Answers(lambda: frontier)
    first = frontier.root.block.state_hash
    for built in CHAIN[6:12]:
        answers.answer(ROOT, b"")
        frontier.add(built)

    with pytest.raises(RequestFailed, match="no longer held"):
        answers.answer(LEDGER, encode(LedgerRequest(first, 0)))


@pytest.mark.parametrize(
    ("kind", "payload", "reason"),
    [
        (BLOCKS, encode(BlocksRequest("3Nunknown", ())), "unknown block"),
        (BLOCKS, b"\xc1", "malformed blocks request"),
        (BLOCKS, encode(BlocksRequest("3N", ("3N",) * 65)), "malformed blocks request"),
        (LEDGER, encode(LedgerRequest("3N", 0)), "no longer held"),
        (LEDGER, encode(LedgerRequest("3N", -1)), "malformed ledger request"),
        ("future", b"", "expected best_tip, blocks, root or ledger, found 'future'"),
    ],
)
def test_request_that_cannot_be_answered_is_refused(kind: str, payload: bytes, reason: str) -> None:
    frontier = frontier_of(2)

    with pytest.raises(RequestFailed, match=reason):
        Answers(lambda: frontier).answer(kind, payload)


def test_node_without_a_frontier_answers_nothing() -> None:
    with pytest.raises(RequestFailed, match="no frontier yet"):
        Answers(lambda: None).answer(BEST_TIP, b"")


def test_locator_is_dense_at_the_tip_and_ends_with_the_root() -> None:
    genesis = genesis_of(make_config(1000, k=100))
    frontier = Frontier(genesis.built, genesis.rules.constants)
    blocks = chain(genesis, 60)
    for built in blocks:
        frontier.add(built)

    names = locator(frontier)

    path = [block.state_hash for block in frontier.best_path()]
    assert [path.index(name) for name in names] == [60, 59, 58, 56, 52, 44, 28, 0]

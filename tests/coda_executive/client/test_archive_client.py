"""What tests ask of archives, on rows that the reference archive wrote."""

from collections.abc import Iterator

import pytest
from tests.coda_daemon.archive.chains import BESIDE, FAILED, FIRST, GENESIS, PAID, SECOND, THIRD, TRUNK
from tests.coda_daemon.chain_testbed import key
from tests.coda_daemon.commands_testbed import FEE
from tests.coda_executive.client.archives import ArchiveNode, FilledArchive, filled_archive

from coda_executive.client.archive_client import ArchiveClient, ArchivedCommand, archive_of
from coda_executive.client.replay_output import replay_of
from coda_executive.errors import ConfigError, RequestFailed
from coda_executive.interfaces.archive import Replay


@pytest.fixture
def archive() -> Iterator[FilledArchive]:
    with filled_archive() as filled:
        yield filled


@pytest.fixture
def client(archive: FilledArchive) -> ArchiveClient:
    return archive_of(ArchiveNode(archive).as_node)


async def test_an_empty_archive_is_at_height_0(client: ArchiveClient) -> None:
    assert (await client.min_height(), await client.max_height()) == (0, 0)
    assert await client.missing_blocks() == []


async def test_blocks_come_with_their_place_in_the_chain(
    archive: FilledArchive, client: ArchiveClient
) -> None:
    await archive.fill(*TRUNK, BESIDE)

    assert await client.blocks_by_height() == {1: 1, 2: 1, 3: 2, 4: 1}
    assert [block.state_hash for block in await client.chain(THIRD.block.state_hash)] == [
        built.block.state_hash for built in (GENESIS.built, *TRUNK)
    ]
    statuses = await client.chain_status()
    assert {status: len(blocks) for status, blocks in statuses.items()} == {"canonical": 2, "pending": 3}
    first = statuses["canonical"][1]
    assert (first.height, first.has_parent, first.ledger_hash) == (2, True, FIRST.block.ledger_hash)


async def test_a_hole_is_named_by_the_block_that_is_missing(
    archive: FilledArchive, client: ArchiveClient
) -> None:
    await archive.fill(FIRST, THIRD)

    assert await client.missing_blocks() == [SECOND.block.state_hash]
    assert [block.height for block in await client.chain(THIRD.block.state_hash)] == [4]


async def test_a_command_is_told_for_each_block_that_has_it(
    archive: FilledArchive, client: ArchiveClient
) -> None:
    await archive.fill(*TRUNK)
    state_hash = FIRST.block.state_hash

    assert await client.command(PAID.hash) == [
        ArchivedCommand(PAID.hash, "payment", key(2), key(1), 0, 3, FEE, state_hash, 2, True, None)
    ]
    (failed,) = await client.command(FAILED.hash)
    assert (failed.is_applied, failed.failure) == (False, "Amount_insufficient_to_create_account")
    assert await client.command("5JNobody") == []


async def test_coinbases_are_summed_by_receiver(archive: FilledArchive, client: ArchiveClient) -> None:
    await archive.fill(*TRUNK, BESIDE)
    coinbase = GENESIS.rules.coinbase

    within = [built.block.state_hash for built in TRUNK]
    assert await client.coinbases(within=within) == {key(1): 2 * coinbase, key(9): coinbase}


async def test_a_query_that_is_wrong_is_a_failed_request(client: ArchiveClient) -> None:
    with pytest.raises(RequestFailed, match="no such table"):
        await client.rows("SELECT * FROM nowhere")


def test_a_node_without_an_archive_says_which_have_one() -> None:
    with pytest.raises(ConfigError, match=r"expected an archive node.*dsl.testnet.archive_nodes"):
        archive_of(ArchiveNode(None).as_node)


def test_a_replay_is_believed_on_positive_evidence_only() -> None:
    good = '{"message":"Replayed $blocks blocks","metadata":{"blocks":7,"user_commands":2,"internal_commands":9}}'
    bad = '{"message":"failed: $error","metadata":{"error":"expected ledger hash jx1, found jx2"}}'

    assert replay_of(0, ["text", good]) == Replay(7, 2, 9)
    assert replay_of(1, [bad]).problem == "expected ledger hash jx1, found jx2"
    for code, lines in ((0, []), (0, [bad]), (1, [good]), (None, [bad])):
        with pytest.raises(RequestFailed, match="expected what it had replayed"):
            replay_of(code, lines)

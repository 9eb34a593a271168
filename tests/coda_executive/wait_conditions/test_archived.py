"""Waiting for archives: the whole chain must be there, and what is missing is told."""

import pytest
from tests.coda_daemon.archive.chains import FIRST, SECOND, THIRD
from tests.coda_executive.client.archives import ArchiveNode, FilledArchive, filled_archive
from tests.coda_executive.wait_conditions.states import FACTS, A, up

from coda_executive.errors import RequestFailed
from coda_executive.wait_conditions.archived import chain_to_be_archived
from coda_executive.wait_conditions.condition import NotYet, Reached, Verdict


async def verdict_of(archive: FilledArchive) -> Verdict:
    condition = chain_to_be_archived(THIRD.block.state_hash, ArchiveNode(archive).as_node)
    check = condition.begin(up(A), FACTS)
    assert check(up(A)) == NotYet("the archive was not asked yet")
    assert condition.refresh is not None
    await condition.refresh()
    return check(up(A))


async def test_a_chain_is_archived_once_no_block_down_to_genesis_is_missing() -> None:
    with filled_archive() as archive:
        await archive.fill(FIRST)
        assert await verdict_of(archive) == NotYet("the archive is at height 2 and has no such block")

        await archive.fill(THIRD)
        assert await verdict_of(archive) == NotYet(
            f"the archive misses {SECOND.block.state_hash} at height 3"
        )

        await archive.fill(SECOND)
        reached = await verdict_of(archive)
        assert isinstance(reached, Reached)
        assert [block.height for block in reached.value] == [1, 2, 3, 4]


async def test_an_archive_that_does_not_answer_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    with filled_archive() as archive:

        async def fail(_sql: str, *_values: object) -> list[list[object]]:
            raise RequestFailed("the server is gone", definite=True)

        monkeypatch.setattr(archive, "rows", fail)
        assert await verdict_of(archive) == NotYet("no answer: the server is gone")

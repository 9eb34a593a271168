"""A directory and a bucket keep the same promises; the bucket is on a real S3-speaking server."""

import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from coda_executive.errors import GenesisStoreError
from coda_executive.genesis_store import s3
from coda_executive.genesis_store.directory import DirectoryStore
from coda_executive.genesis_store.location import parse_location
from coda_executive.genesis_store.object_store import ObjectStore, opened_store
from coda_executive.genesis_store.sigv4 import S3Request

from .conftest import BUCKET, S3Server

KEYS = ("jxA/01/a.coda", "jxA/02/proof", "jxB/01/a.coda")


@pytest.fixture(params=["directory", pytest.param("bucket", marks=pytest.mark.real)])
async def objects(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ObjectStore]:
    if request.param == "directory":
        async with opened_store(tmp_path / "store", {}) as opened:
            yield opened
        return
    server: S3Server = request.getfixturevalue("s3_server")
    location = parse_location(f"s3://{BUCKET}/{uuid.uuid4()}", endpoint=server.endpoint)
    async with opened_store(location, server.environment) as opened:
        yield opened


async def test_what_is_put_is_got_whole(objects: ObjectStore) -> None:
    for content in (b"", b"one", bytes(range(256)) * 12_000, b"two"):
        await objects.put("jxA/00/file.bin", content)
        assert await objects.get("jxA/00/file.bin") == content
        assert await objects.size("jxA/00/file.bin") == len(content)


async def test_an_object_that_was_never_put_has_no_size_and_cannot_be_got(objects: ObjectStore) -> None:
    assert await objects.size("jxA/00/none") is None
    with pytest.raises(GenesisStoreError):
        await objects.get("jxA/00/none")


async def test_keys_are_found_by_their_beginning_in_order(objects: ObjectStore) -> None:
    assert await objects.keys("jxA/") == ()
    for key in reversed(KEYS):
        await objects.put(key, b"x")
    assert await objects.keys("jxA/") == KEYS[:2]
    assert await objects.keys("jxA/02/p") == KEYS[1:2]
    assert await objects.keys("jx") == KEYS


async def test_a_file_that_was_being_written_when_its_writer_died_is_no_object(tmp_path: Path) -> None:
    objects = DirectoryStore(tmp_path)
    await objects.put("jxA/01/file", b"x")
    (tmp_path / "jxA" / "01" / ".partial-abc").write_bytes(b"half")
    assert await objects.keys("jxA/") == ("jxA/01/file",)


async def test_a_directory_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("a file")
    with pytest.raises(GenesisStoreError, match=r"store cannot be used: Not a directory"):
        await DirectoryStore(tmp_path / "store").put("jxA/01/file", b"x")


@pytest.mark.real
async def test_a_wrong_key_is_refused_by_the_server_and_shown_by_nobody(s3_server: S3Server) -> None:
    """So the server does check signatures, and all other tests here say something about ours."""
    location = parse_location(f"s3://{BUCKET}", endpoint=s3_server.endpoint)
    environment = {**s3_server.environment, "AWS_SECRET_ACCESS_KEY": "a-wrong-secret"}
    async with opened_store(location, environment) as objects:
        with pytest.raises(GenesisStoreError, match="status 403") as caught:
            await objects.put("jxA/01/file", b"x")
    told = f"{caught.value} {objects!r}"
    assert "a-wrong-secret" not in told
    assert s3_server.environment["AWS_ACCESS_KEY_ID"] not in told


@pytest.mark.real
async def test_a_bucket_that_is_not_there_is_told(s3_server: S3Server) -> None:
    location = parse_location("s3://no-such-bucket", endpoint=s3_server.endpoint)
    async with opened_store(location, s3_server.environment) as objects:
        with pytest.raises(GenesisStoreError, match=r"NoSuchBucket.*check the bucket's name"):
            await objects.keys("jxA/")


@pytest.mark.real
async def test_more_keys_than_a_page_holds_are_all_found(
    s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page of a real server has a thousand keys; the test asks for two at a time."""
    pages = []

    def small_page(method: str, host: str, path: str, query: dict[str, str]) -> S3Request:
        pages.append(query)
        return S3Request(method, host, path, {**query, "max-keys": "2"})

    location = parse_location(f"s3://{BUCKET}/{uuid.uuid4()}", endpoint=s3_server.endpoint)
    async with opened_store(location, s3_server.environment) as objects:
        for number in range(5):
            await objects.put(f"jxA/{number}", b"x")
        monkeypatch.setattr(s3, "S3Request", small_page)
        assert await objects.keys("jxA/") == tuple(f"jxA/{number}" for number in range(5))
    assert len(pages) == 3

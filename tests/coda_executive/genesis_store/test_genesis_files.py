"""Genesis files through a store: by hash, verified, and the same however often they are stored."""

import json
from pathlib import Path

import msgspec
import pytest
from tests.coda_daemon.worlds import config_for

from coda_daemon.cli import run as run_coda
from coda_daemon.genesis_files import read_archive
from coda_executive.errors import ConfigError, GenesisStoreError
from coda_executive.genesis_store.directory import DirectoryStore
from coda_executive.genesis_store.genesis_files import (
    GenesisFile,
    fetch,
    read_genesis_directory,
    runtime_with_fetched_ledger,
    store,
)
from coda_executive.genesis_store.location import parse_location
from coda_executive.genesis_store.object_store import opened_store
from coda_protocol.hashes import LedgerHash
from coda_protocol.runtime_config import EpochData, EpochLedger, GenesisLedger, RuntimeConfig, encode

from .conftest import BUCKET, S3Server

ROOT = "jxzi1LsfuWxN6BGcnWLWXYu696nnRVwFdo23iYBYrdrqtrAdtwR"
OTHER = "jw6bz2wud1N6itRUHZ5ypo3267stk4UgzkiuWtAMPRZo9g4Udyd"
ARCHIVE = GenesisFile(ROOT, f"genesis_ledger_{ROOT}.coda", b"archive")
PROOF = GenesisFile(ROOT, "genesis_proof_1.json", b"{}")
STAKING = GenesisFile(OTHER, f"genesis_ledger_{OTHER}.coda", b"staking")


@pytest.fixture
def objects(tmp_path: Path) -> DirectoryStore:
    return DirectoryStore(tmp_path / "store")


async def test_what_was_stored_is_fetched_by_the_ledgers_hash(objects: DirectoryStore) -> None:
    await store([ARCHIVE, PROOF, STAKING], objects)
    assert await fetch(ROOT, objects) == tuple(sorted((ARCHIVE, PROOF), key=lambda file: file.digest))
    assert await fetch(OTHER, objects) == (STAKING,)


async def test_storing_again_writes_nothing(objects: DirectoryStore) -> None:
    assert await store([ARCHIVE, PROOF], objects) == (ARCHIVE, PROOF)
    assert await store([ARCHIVE, PROOF, STAKING], objects) == (STAKING,)


async def test_a_file_that_was_cut_off_in_the_store_is_stored_again(objects: DirectoryStore) -> None:
    key = f"{ROOT}/{ARCHIVE.digest}/{ARCHIVE.name}"
    await objects.put(key, ARCHIVE.content[:3])
    assert await store([ARCHIVE], objects) == (ARCHIVE,)
    assert await fetch(ROOT, objects) == (ARCHIVE,)


async def test_a_damaged_file_is_refused(objects: DirectoryStore) -> None:
    await objects.put(f"{ROOT}/{ARCHIVE.digest}/{ARCHIVE.name}", b"Archive")
    with pytest.raises(GenesisStoreError, match=f"is damaged in the genesis store.*{ARCHIVE.digest}"):
        await fetch(ROOT, objects)


async def test_a_ledger_that_is_not_there_is_told(objects: DirectoryStore) -> None:
    await store([PROOF], objects)
    with pytest.raises(GenesisStoreError, match=f"has no archive of the ledger {ROOT}. Make it"):
        await fetch(ROOT, objects)
    with pytest.raises(GenesisStoreError, match=f"with s3_data_hash {'0' * 64}"):
        await fetch(ROOT, objects, data_hash="0" * 64)
    with pytest.raises(ConfigError, match="is no ledger hash"):
        await fetch("../escape", objects)


async def test_two_archives_of_one_name_are_told_apart_by_their_digest(objects: DirectoryStore) -> None:
    """As when another version of the daemon wrote the same ledger in another format."""
    newer = with_content(ARCHIVE, content=b"newer")
    await store([ARCHIVE, newer], objects)
    with pytest.raises(GenesisStoreError, match="Say which in s3_data_hash"):
        await fetch(ROOT, objects)
    assert await fetch(ROOT, objects, data_hash=newer.digest) == (newer,)


def with_content(file: GenesisFile, *, content: bytes) -> GenesisFile:
    return GenesisFile(file.ledger, file.name, content)


async def test_names_that_would_leave_the_directory_are_ignored_and_never_stored(
    objects: DirectoryStore,
) -> None:
    await store([ARCHIVE], objects)
    await objects.put(f"{ROOT}/{PROOF.digest}/-rf", PROOF.content)
    await objects.put(f"{ROOT}/notes.txt", b"by hand")
    assert await fetch(ROOT, objects) == (ARCHIVE,)
    with pytest.raises(ConfigError, match="plain file name"):
        await store([GenesisFile(ROOT, "../x", b"")], objects)


async def test_a_configuration_gets_its_ledgers_and_the_digests_of_their_archives(
    objects: DirectoryStore,
) -> None:
    await store([ARCHIVE, PROOF, STAKING], objects)
    runtime = RuntimeConfig(
        ledger=GenesisLedger(hash=ROOT, name="mine"),
        epoch_data=EpochData(staking=EpochLedger(hash=OTHER, seed="2va9")),
    )

    fetched = await runtime_with_fetched_ledger(runtime, objects)

    assert fetched.runtime == RuntimeConfig(
        ledger=GenesisLedger(hash=ROOT, name="mine", s3_data_hash=ARCHIVE.digest),
        epoch_data=EpochData(staking=EpochLedger(hash=OTHER, seed="2va9", s3_data_hash=STAKING.digest)),
    )
    assert {file.name for file in fetched.files} == {ARCHIVE.name, PROOF.name, STAKING.name}


async def test_one_ledger_in_two_places_is_one_file(objects: DirectoryStore) -> None:
    await store([ARCHIVE], objects)
    epochs = EpochData(staking=EpochLedger(hash=ROOT), next=EpochLedger(hash=ROOT))
    runtime = RuntimeConfig(ledger=GenesisLedger(hash=ROOT), epoch_data=epochs)
    assert (await runtime_with_fetched_ledger(runtime, objects)).files == (ARCHIVE,)


async def test_a_configuration_with_accounts_or_a_shipped_name_is_left_alone(
    objects: DirectoryStore,
) -> None:
    for ledger in (config_for(2).ledger, GenesisLedger(name="test", hash=ROOT)):
        runtime = RuntimeConfig(ledger=ledger)
        fetched = await runtime_with_fetched_ledger(runtime, objects)
        assert fetched.runtime == runtime
        assert fetched.files == ()


def made(directory: Path) -> tuple[Path, Path, str]:
    """What the reference daemon's tool makes: directory, hash file, root of the ledger."""
    config, genesis, hashes = (directory / name for name in ("config.json", "genesis", "hashes.json"))
    config.write_bytes(encode(config_for(3)))
    arguments = [
        "--config-file",
        str(config),
        "--genesis-dir",
        str(genesis),
        "--hash-output-file",
        str(hashes),
    ]
    assert run_coda(["runtime-genesis-ledger", *arguments]) == 0
    return genesis, hashes, json.loads(hashes.read_bytes())["ledger"]["hash"]


@pytest.mark.real
async def test_from_the_tool_through_a_bucket_to_a_daemon(s3_server: S3Server, tmp_path: Path) -> None:
    """The CI step of the spec, and the run that takes its files from there."""
    genesis, hashes, root = made(tmp_path)
    location = parse_location(f"s3://{BUCKET}/ci", endpoint=s3_server.endpoint)
    async with opened_store(location, s3_server.environment) as objects:
        files = read_genesis_directory(genesis, hashes)
        assert set(await store(files, objects)) == set(files)
        assert await store(files, objects) == ()

        runtime = msgspec.structs.replace(config_for(3), ledger=GenesisLedger(hash=root))
        fetched = await runtime_with_fetched_ledger(runtime, objects)

    assert {file.name: file.content for file in fetched.files} == {
        path.name: path.read_bytes() for path in genesis.iterdir()
    }
    [archive] = [file for file in fetched.files if file.is_archive]
    assert read_archive(archive.content, LedgerHash(root), depth=10).hash == root


def test_files_and_hashes_that_do_not_belong_together_are_told(tmp_path: Path) -> None:
    genesis, hashes, root = made(tmp_path)
    archive = genesis / f"genesis_ledger_{root}.coda"
    archive.write_bytes(archive.read_bytes() + b" ")
    with pytest.raises(ConfigError, match=f"has no archive of the ledger {root}"):
        read_genesis_directory(genesis, hashes)


def test_a_bad_hash_file_is_told(tmp_path: Path) -> None:
    for content, told in (
        ("{", "is no hash file"),
        ("{}", "is no hash file"),
        ('{"ledger": {"hash": "../x", "s3_data_hash": ""}}', "expected one digest for each ledger hash"),
    ):
        (tmp_path / "hashes.json").write_text(content)
        with pytest.raises(ConfigError, match=told):
            read_genesis_directory(tmp_path, tmp_path / "hashes.json")
    with pytest.raises(ConfigError, match="cannot be read"):
        read_genesis_directory(tmp_path / "none", tmp_path / "hashes.jso")


def test_an_archive_of_another_network_in_the_directory_is_left_out(tmp_path: Path) -> None:
    genesis, hashes, _root = made(tmp_path)
    (genesis / STAKING.name).write_bytes(STAKING.content)
    assert STAKING.name not in {file.name for file in read_genesis_directory(genesis, hashes)}

"""Archives in virtual time: the same rows by seed, kept as other state of nodes is."""

from collections.abc import Callable
from pathlib import Path

import pytest

from coda_executive.cli.main import run_cli

SETTINGS = (
    "network=NetworkConfig(block_producers=BlockProducers(count=2), archive_nodes=ArchiveNodes(count=1)), "
    "runtime=SMALL['runtime']"
)
BODY = """
(node,) = dsl.testnet.archive_nodes
await dsl.wait_for(blocks_to_be_produced(4))
await archive_of(node).stop()
await node.stop()
await dsl.wait_for(blocks_to_be_produced(2))
await node.start()
await dsl.wait_for(nodes_to_synchronize(dsl.testnet.nodes))
assert await archive_of(node).max_height() > 2
"""
Write = Callable[..., str]


def run(test: str, directory: Path, *flags: str) -> int:
    return run_cli(
        ["run", test, "--engine", "simulation", "--seed", "5", "--run-dir", str(directory), *flags]
    )


def kept(directory: Path) -> dict[str, bytes]:
    return {
        path.name: path.read_bytes() for path in sorted((directory / "nodes" / "archive-node-1").iterdir())
    }


@pytest.mark.usefixtures("capsys")
def test_a_seed_gives_the_same_rows_and_log_lines(write_test: Write, tmp_path: Path) -> None:
    test = write_test(BODY, settings=SETTINGS)

    assert [run(test, tmp_path / name, "--keep", "always") for name in ("a", "b")] == [0, 0]

    first = kept(tmp_path / "a")
    assert first == kept(tmp_path / "b")
    assert first["archive.sql"].count(b'INSERT INTO "blocks" VALUES') >= 4
    assert first["archive.log"].count(b"Archive process ready") == 2  # it starts with its node


@pytest.mark.usefixtures("capsys")
def test_the_dump_stays_for_a_run_that_failed_only(write_test: Write, tmp_path: Path) -> None:
    passes = write_test("await dsl.wait_for(blocks_to_be_produced(2))", settings=SETTINGS)
    assert run(passes, tmp_path / "passed") == 0
    fails = write_test("await dsl.wait_for(blocks_to_be_produced(2))\nassert False", settings=SETTINGS)
    assert run(fails, tmp_path / "failed") == 1

    assert sorted(kept(tmp_path / "passed")) == ["archive.log", "daemon.log"]
    assert sorted(kept(tmp_path / "failed")) == ["archive.log", "archive.sql", "daemon.log"]

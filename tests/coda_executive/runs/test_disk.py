"""A disk that is full, read-only or gone: one clear error of the infrastructure, and the history as far as written."""

import contextlib
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.coda_executive.engines.local.testnets import until
from tests.coda_executive.runs.stub_runs import StubRun, start_stub_run, what_is_left

from coda_executive.observation.history import HistoryReader

pytestmark = pytest.mark.real

Disk = Callable[[str], Path]


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "runtime").mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "runtime"))


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """Mount a small memory-backed disk where a stub run has its run directory, "run"; skips where we may not."""
    mounted: list[Path] = []

    def mount(size: str) -> Path:
        if os.geteuid() != 0:
            pytest.skip("only root may mount a small disk; the tests of a vanished directory run without")
        path = tmp_path / "run"
        path.mkdir()
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(path)],
            capture_output=True,
            check=False,
        )
        if done.returncode != 0:
            pytest.skip(f"this container may not mount a small disk: {done.stderr.decode().strip()}")
        mounted.append(path)
        return path

    yield mount
    for path in mounted:
        subprocess.run(["umount", "--lazy", str(path)], check=True)


def fill(directory: Path) -> None:
    """Leave no byte."""
    with contextlib.suppress(OSError), (directory / "filler").open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 4096)


async def failed(run: StubRun) -> str:
    """What a run said that ended by an error of its infrastructure, and left nothing."""
    shown = run.end()
    assert run.process.returncode == 3, shown
    assert "Traceback" not in shown
    assert shown.count("INFRASTRUCTURE FAILED") == 1
    assert len(re.findall(r"Error(?: \[[^]]+\])? at ", shown)) == 1, shown
    await until(lambda: what_is_left(run.run_dir) == [])
    return shown


async def test_a_disk_too_small_for_the_nodes_files_is_named(disk: Disk, tmp_path: Path) -> None:
    disk("32k")
    run = start_stub_run(tmp_path, "ends")
    shown = await failed(run)
    assert "No space left on device" in shown
    assert "Is the disk full" in shown
    list(HistoryReader(run.run_dir / "history"))


async def test_a_disk_that_fills_during_the_run_ends_it(disk: Disk, tmp_path: Path) -> None:
    path = disk("1m")
    run = start_stub_run(tmp_path, "appends", phase="waiting")
    run.until_printed("section until the end")
    fill(path)
    shown = await failed(run)
    assert "No space left on device" in shown
    assert "What was written before is kept" in shown
    assert len(list(HistoryReader(path / "history"))) > 0
    assert not (path / "outcome.json").exists()


async def test_a_disk_that_becomes_read_only_ends_it(disk: Disk, tmp_path: Path) -> None:
    path = disk("1m")
    run = start_stub_run(tmp_path, "waits")
    run.until_printed("waiting for 2 nodes")
    # A disk with open files cannot be remounted; a second mount over the place where the verdict goes can.
    subprocess.run(["mount", "--bind", "-o", "ro", str(path), str(path)], check=True)
    subprocess.run(["mount", "-o", "remount,bind,ro", str(path)], check=True)
    try:
        run.process.terminate()
        shown = run.end()
    finally:
        subprocess.run(["umount", "--lazy", str(path)], check=True)
    assert run.process.returncode == 130
    assert "Read-only file system" in shown
    assert "Traceback" not in shown


async def test_a_read_only_place_is_refused_before_anything_starts(disk: Disk, tmp_path: Path) -> None:
    path = disk("1m")
    subprocess.run(["mount", "-o", "remount,ro", str(path)], check=True)
    run = start_stub_run(tmp_path, "ends")
    shown = run.end()
    assert run.process.returncode == 3
    assert "the run directory cannot be made: Read-only file system" in shown
    assert "Traceback" not in shown


async def test_a_run_directory_that_vanishes_ends_the_run(tmp_path: Path) -> None:
    run = start_stub_run(tmp_path, "appends")
    run.until_printed("section until the end")
    shutil.move(run.run_dir, tmp_path / "elsewhere")
    shutil.rmtree(tmp_path / "elsewhere")
    shown = await failed(run)
    assert f"{run.run_dir}/history was removed while the run went on" in shown


async def test_a_run_directory_that_vanishes_at_the_end_is_named(tmp_path: Path) -> None:
    run = start_stub_run(tmp_path, "ends", phase="draining")
    run.until_printed("HELD")
    shutil.move(run.run_dir, tmp_path / "elsewhere")
    run.process.terminate()
    shown = run.end()
    assert run.process.returncode == 130
    assert "Traceback" not in shown
    assert f"cannot write {run.run_dir}/outcome.json" in shown
    await until(lambda: what_is_left(run.run_dir) == [])

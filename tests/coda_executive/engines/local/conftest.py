import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.coda_executive.engines.local.testnets import Recorded


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A state directory of the test's own; afterwards no journal is in it and no process of a run lives."""
    runtime = tmp_path / "runtime"
    runtime.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    yield runtime / "coda-executive"
    left = Recorded(tmp_path, None).processes()
    for pid in left:
        os.kill(pid, 9)
    assert not left


@pytest.fixture
def run_directory(tmp_path: Path) -> Path:
    directory = tmp_path / "run"
    (directory / "nodes").mkdir(parents=True)
    return directory

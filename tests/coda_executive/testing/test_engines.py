"""Every engine that is installed keeps the promises of the interfaces: one found by entry point is picked up here."""

from pathlib import Path

import pytest

from coda_executive.executive.engines import engine_names, find_engine
from coda_executive.testing import EngineConformance


@pytest.fixture(autouse=True)
def state_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Engines keep their journals in a directory of the test's own."""
    (tmp_path / "runtime").mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "runtime"))


def _conformance_of(name: str) -> type:
    engine = find_engine(name)
    missing = [finding for finding in engine.check() if not finding.ok]
    marks = [pytest.mark.skipif(bool(missing), reason=f"engine {name} cannot run here: {missing}")]
    if name != "simulation":  # the only one without real processes
        marks.append(pytest.mark.real)
    class_name = f"Test{name.title()}Engine"
    return type(class_name, (EngineConformance,), {"engine": engine, "pytestmark": marks})


globals().update({one.__name__: one for one in map(_conformance_of, engine_names())})

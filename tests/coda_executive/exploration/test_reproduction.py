"""A found case is a module that imports what it names."""

from pathlib import Path
from random import Random
from typing import Any

import pytest
from tests.coda_executive.runs import gate

from coda_executive.config.node_id import NodeId
from coda_executive.executive.load import find_test
from coda_executive.exploration.attempt import Setup
from coda_executive.exploration.reproduction import python_test
from coda_executive.exploration.shrink import Case
from coda_executive.interfaces.capabilities import ABILITIES
from coda_executive.nemesis.schedule import KINDS, Drawing, Schedule, draw_schedule, needs_of


@pytest.mark.parametrize("kind", list(KINDS))
def test_the_text_of_a_case_of_any_kind_of_fault_runs_as_a_module(kind: str, tmp_path: Path) -> None:
    drawing = Drawing(600.0, 2.0, 4, ABILITIES, 120.0, (NodeId("seed-1"),), most=20, kinds=(kind,))
    schedule = draw_schedule(Random("7:fault schedule"), drawing)
    setup = Setup(f"{gate.__file__}::small", "simulation", {})

    text = python_test(setup, Case(7, schedule), "a signature", str(tmp_path / "failure.py"))

    found: dict[str, Any] = {"__file__": str(tmp_path / "failure.py")}
    exec(text, found)
    assert found["SCHEDULE"] == schedule
    assert found["small_with_faults"].name == "small-with-faults"
    assert found["small_with_faults"].needs == needs_of([kind])


def test_a_case_of_a_test_in_a_file_runs_from_any_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "own.py").write_text(Path(gate.__file__).read_text())
    monkeypatch.chdir(tmp_path)
    setup = Setup("mine/own.py::small", "simulation", {})
    case = Case(7, Schedule(10.0, ()))
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "failure.py").write_text(python_test(setup, case, "a signature", "runs/failure.py"))

    monkeypatch.chdir("/")

    assert find_test(str(tmp_path / "runs" / "failure.py")).name == "small-with-faults"


def test_a_case_of_the_catalogue_s_is_named_as_there() -> None:
    text = python_test(
        Setup("block-production", "simulation", {}), Case(7, Schedule(10.0, ())), "", "failure.py"
    )
    assert "block_production_with_faults = repeated('block-production', SCHEDULE, beside=__file__)" in text

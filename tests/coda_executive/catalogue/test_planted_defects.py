"""Every assertion and every section of the shipped tests is seen to fail, for its own reason."""

import ast
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.coda_executive.catalogue import (
    defects_of_archive,
    defects_of_chain,
    defects_of_fork,
    defects_of_money,
)
from tests.coda_executive.catalogue.conftest import Run
from tests.coda_executive.catalogue.planted import Defect

from coda_executive import catalogue

DEFECTS: dict[str, Defect] = {
    **defects_of_chain.DEFECTS,
    **defects_of_money.DEFECTS,
    **defects_of_archive.DEFECTS,
    **defects_of_fork.DEFECTS,
}
FILES = sorted(file for file in Path(catalogue.__file__).parent.glob("*.py") if file.stem != "__init__")
START = ("initialise",)  # of every test alike: seen to fail in one


@pytest.mark.parametrize("name", DEFECTS)
def test_a_planted_defect_is_found_for_its_own_reason(
    simulated: Callable[..., Run], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    defect = DEFECTS[name]
    defect.plant(monkeypatch)

    run = simulated(defect.test)

    assert run.code == defect.code, run.shown
    outcome = json.loads((run.directory / "outcome.json").read_text())
    failed = [section["path"][-1] for section in outcome["sections"] if not section["passed"]]
    assert defect.section is None or defect.section in failed, run.shown
    assert any(defect.told in error["message"] for error in outcome["errors"]), run.shown


def test_no_defect_is_found_by_a_time_out_alone() -> None:
    """What is told is a cause: never how far a wait got in its last moment, nor that it ended."""
    told = {name: defect.told for name, defect in DEFECTS.items()}

    assert not [name for name, text in told.items() if "timed out" in text or "blocks, height" in text]
    assert len(DEFECTS) >= 40


def test_the_start_that_all_tests_have_is_seen_to_fail() -> None:
    assert set(START) <= {defect.section for defect in DEFECTS.values()}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_each_section_and_each_assertion_of_a_test_has_a_defect(file: Path) -> None:
    tree = ast.parse(file.read_text())
    defects = [defect for defect in DEFECTS.values() if defect.test == file.stem.replace("_", "-")]

    sections = {name for node in ast.walk(tree) for name in _section(node)}
    asserted = {_text_of(node.msg) for node in ast.walk(tree) if isinstance(node, ast.Assert)}

    assert sections - {defect.section for defect in defects} <= set(START)
    assert not [text for text in asserted if not any(text in defect.told for defect in defects)]


def _section(node: ast.AST) -> list[str]:
    """The name in `dsl.section(name, …)`."""
    match node:
        case ast.Call(func=ast.Attribute(attr="section"), args=[ast.Constant(value=str() as name), *_]):
            return [name]
    return []


def _text_of(message: ast.expr | None) -> str:
    """The longest part of an assertion's message that is written out."""
    parts = message.values if isinstance(message, ast.JoinedStr) else [message]
    texts = [part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)]
    assert texts, "an assertion without a message"
    return max(texts, key=len).strip(" :")

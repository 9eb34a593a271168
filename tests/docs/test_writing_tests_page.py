"""docs/writing-tests.md: its blocks are one file, whose tests pass; every public name is used where it runs."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

import coda_executive
from coda_executive.cli.main import run_cli

DOCS = Path(__file__).parents[2] / "docs"
PAGE = DOCS / "writing-tests.md"
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
TESTS = re.findall(r"^async def (\w+)\(dsl: Dsl\)", "\n".join(BLOCKS), re.MULTILINE)
FILES = re.findall(
    r"```(?:yaml|json) (\S+)\n(.*?)```", (DOCS / "configuration.md").read_text("utf-8"), re.DOTALL
)


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The page as a file, beside those of the page on configuration."""
    for name, text in FILES:
        (tmp_path / name).write_text(text)
    file = tmp_path / "page.py"
    file.write_text("\n\n".join(BLOCKS))
    monkeypatch.chdir(tmp_path)
    return file


@pytest.mark.parametrize("name", TESTS)
def test_a_test_of_the_page_passes(page: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    code = run_cli(["run", f"{page}::{name}", "--engine", "simulation", "--seed", "1", "--run-dir", "run"])

    shown = capsys.readouterr()
    assert code == 0, shown.out + shown.err


def test_every_public_name_has_an_example_that_runs() -> None:
    """On this page, or in the catalogue."""
    catalogue = Path(coda_executive.__file__).parent / "catalogue"
    running = "\n".join([*BLOCKS, *(file.read_text("utf-8") for file in sorted(catalogue.glob("*.py")))])

    missing = [name for name in coda_executive.__all__ if not re.search(rf"\b{name}\b", running)]

    assert missing == []


def test_every_public_function_and_class_is_documented() -> None:
    named = {name: getattr(coda_executive, name) for name in coda_executive.__all__}

    bare = [name for name, thing in named.items() if isinstance(thing, type | Callable) and not thing.__doc__]

    assert bare == []

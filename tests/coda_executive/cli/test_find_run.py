import os
from pathlib import Path

import pytest

from coda_executive.cli.find_run import find_run
from coda_executive.errors import ConfigError


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_results_of_a_search_are_no_run(here: Path) -> None:
    (here / "explored").mkdir()
    (here / "explored" / "exploration.json").touch()

    with pytest.raises(ConfigError, match="run a failure_"):
        find_run("explored")


def make_run(path: str, begun: int | None) -> None:
    (Path(path) / "nodes").mkdir(parents=True)
    if begun is not None:
        description = Path(path) / "run.json"
        description.write_text("{}")
        os.utime(description, (begun, begun))


@pytest.fixture
def _three_runs(here: Path) -> None:
    make_run("runs/payments-local-1", 100)
    make_run("runs/payments-local-2", 300)
    make_run("runs/block-production-local-3", 200)
    (here / "runs" / "notes").mkdir()


@pytest.mark.usefixtures("_three_runs")
@pytest.mark.parametrize(
    ("given", "found"),
    [
        (None, "runs/payments-local-2"),
        ("payments-local-1", "runs/payments-local-1"),
        ("block", "runs/block-production-local-3"),
        ("runs/payments-local-1", "runs/payments-local-1"),
        ("runs/payments-local-1/", "runs/payments-local-1"),
    ],
)
def test_a_run_is_found_by_path_name_beginning_or_age(given: str | None, found: str) -> None:
    assert find_run(given) == Path(found)


@pytest.mark.usefixtures("_three_runs")
def test_a_run_elsewhere_is_found_by_its_path_before_any_name(here: Path) -> None:
    make_run("payments-local-1", None)

    assert find_run("payments-local-1") == Path("payments-local-1")
    assert find_run(str(here / "payments-local-1")) == here / "payments-local-1"


def test_a_whole_name_goes_before_a_longer_one() -> None:
    make_run("runs/payments", 1)
    make_run("runs/payments-2", 2)

    assert find_run("payments") == Path("runs/payments")


@pytest.mark.usefixtures("_three_runs")
@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            "nothing",
            "there is no run 'nothing', neither as a path nor under runs/. The newest:\n"
            "    payments-local-2\n    block-production-local-3\n    payments-local-1",
        ),
        (
            "payments",
            "2 runs begin with 'payments'; write more of the name. The newest:\n    payments-local-2",
        ),
        ("runs/notes", "'runs/notes' is no run directory: it holds no nodes/ with logs."),
        ("", "3 runs begin with ''"),
    ],
)
def test_an_unclear_run_is_refused_with_the_newest_ones(given: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        find_run(given)
    assert str(caught.value).startswith(message)


def test_many_runs_are_counted_rather_than_listed() -> None:
    for number in range(8):
        make_run(f"runs/run-{number}", number)

    with pytest.raises(ConfigError) as caught:
        find_run("other")
    assert str(caught.value).endswith("    run-4\n    run-3\n    and 3 older ones")


def test_without_any_run_the_message_tells_how_to_make_one() -> None:
    with pytest.raises(ConfigError, match="make one with `coda-executive run`"):
        find_run(None)
    with pytest.raises(ConfigError, match="There are no runs under runs/ here"):
        find_run("other")

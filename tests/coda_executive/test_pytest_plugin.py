"""Tests of networks as pytest tests, each session in a process and a directory of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest
from tests.coda_executive.runs.conftest import PREAMBLE

# Whatever else is installed for these tests' own sake stays out of the sessions.
ALONE = {"PYTEST_ADDOPTS": "", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}

OURS = "import pytest\nours = pytest.mark.testnet(SMALL['network'], SMALL['runtime'])\n"


@dataclass(frozen=True)
class Session:
    """`outcomes` of the tests by name: "passed", or the message of what they ended with, led by its kind."""

    code: int
    printed: str
    outcomes: dict[str, str]
    runs: list[Path]


Run = Callable[..., Session]


@pytest.fixture
def run_pytest(tmp_path: Path) -> Run:
    """Run a file of tests with the plugin, in the simulation unless told otherwise."""

    def run(text: str, *arguments: str) -> Session:
        (tmp_path / "test_own.py").write_text(f"{PREAMBLE}\n{OURS}\n{text}")
        (tmp_path / "pytest.ini").write_text("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
        done = subprocess.run(
            [
                *(sys.executable, "-m", "pytest", "-W", "error"),
                *("-p", "coda_executive.pytest_plugin", "-p", "pytest_asyncio.plugin", "-p", "xdist.plugin"),
                *("--engine", "simulation", "--seed", "1", "--run-dir", "evidence", "--junitxml", "own.xml"),
                *arguments,
            ],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            env={**os.environ, **ALONE},
        )
        cases = Xml.parse(tmp_path / "own.xml").iter("testcase") if (tmp_path / "own.xml").exists() else ()
        outcomes = {str(case.get("name")): _outcome(case) for case in cases}
        return Session(done.returncode, done.stdout, outcomes, sorted(tmp_path.glob("evidence/*")))

    return run


def _outcome(case: Xml.Element) -> str:
    for child in case:
        if child.tag in ("failure", "error", "skipped"):
            return f"{child.tag}: {child.get('message')}"
    return "passed"


MANY = """
@ours
@pytest.mark.parametrize("count", [1, 2])
async def test_blocks(dsl, testnet, count, tmp_path):
    assert [node.id for node in testnet.nodes][1:] == ["block-producer-1", "block-producer-2"]
    await dsl.wait_for(blocks_to_be_produced(count))

@ours
async def test_that_is_wrong(dsl):
    found = 5
    assert found == 6

@ours
async def test_with_a_soft_error(dsl):
    with dsl.section("arithmetic"):
        assert 1 == 2, "wrong"

@ours
async def test_that_skips(dsl):
    pytest.skip("not today")

@ours
async def test_that_fails_on_purpose(dsl):
    pytest.fail("on purpose")

class TestGrouped:
    pytestmark = ours
    async def test_method(self, dsl):
        await dsl.wait_for(blocks_to_be_produced(1))

@integration_test(**SMALL)
async def test_written_for_the_command_line(dsl):
    await dsl.wait_for(blocks_to_be_produced(1))

@integration_test(**SMALL)
async def not_collected(dsl):
    raise RuntimeError

def test_of_something_else():
    pass
"""


@pytest.mark.parametrize("mode", ["auto", "strict"])
def test_each_ending_is_told_in_pytests_words(run_pytest: Run, mode: str) -> None:
    """Whether pytest-asyncio would run async tests itself or not."""
    session = run_pytest(MANY, "-o", f"asyncio_mode={mode}")

    assert session.outcomes.pop("test_with_a_soft_error").startswith(
        "failure: Failed: test-with-a-soft-error: FAILED"
    )
    assert session.outcomes == {
        "test_blocks[1]": "passed",
        "test_blocks[2]": "passed",
        "test_that_is_wrong": "failure: assert 5 == 6",
        "test_that_skips": "skipped: not today",
        "test_that_fails_on_purpose": "failure: Failed: on purpose",
        "test_method": "passed",
        "test_written_for_the_command_line": "passed",
        "test_of_something_else": "passed",
    }
    assert session.code == 1
    assert "found = 5" in session.printed  # the lines around the assertion, as of any test
    assert (
        "repeat         pytest test_own.py::test_that_is_wrong --engine simulation --seed 1"
        in session.printed
    )


def test_each_test_leaves_a_run_with_its_report_and_our_exit_code(run_pytest: Run) -> None:
    session = run_pytest(MANY, "-k", "wrong or method")

    codes = {json.loads((run / "report.json").read_text())["run"]["test"]: run for run in session.runs}
    assert sorted(codes) == ["test-method", "test-that-is-wrong"]
    assert all((run / "report.html").exists() for run in session.runs)
    outcome = json.loads((codes["test-that-is-wrong"] / "outcome.json").read_text())
    assert outcome["exit_code"] == 1
    assert f"report         {codes['test-that-is-wrong']}/report.html" in session.printed


@pytest.mark.real
def test_workers_of_xdist_share_nothing(run_pytest: Run) -> None:
    session = run_pytest(MANY, "-n", "2", "-k", "blocks or method or command_line")

    assert session.outcomes == dict.fromkeys(
        ["test_blocks[1]", "test_blocks[2]", "test_method", "test_written_for_the_command_line"], "passed"
    )
    assert len(session.runs) == 4


def test_hours_of_the_network_take_no_time_in_the_simulation(run_pytest: Run) -> None:
    session = run_pytest("""
@ours
async def test_long(dsl):
    loop = asyncio.get_running_loop()
    began = loop.time()
    await asyncio.sleep(600)
    assert loop.time() - began == 600
""")

    assert session.outcomes == {"test_long": "passed"}


def test_a_test_whose_needs_the_engine_lacks_is_skipped(run_pytest: Run) -> None:
    session = run_pytest("""
class Levitating: ...

@pytest.mark.testnet(SMALL["network"], SMALL["runtime"], needs=(Levitating,))
async def test_it(dsl): ...
""")

    assert session.outcomes == {"test_it": "skipped: engine simulation gives its nodes no Levitating"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "def test_it(dsl): ...",
            "the fixture dsl is for async tests marked @pytest.mark.testnet(network, runtime)",
        ),
        ("@ours\ndef test_it(dsl): ...", "test_it is marked testnet, so it must be an `async def`"),
        (
            "@pytest.mark.testnet(SMALL['network'])\nasync def test_it(dsl): ...",
            "missing 1 required keyword-only argument: 'runtime'",
        ),
        (
            "@pytest.fixture\ndef early(dsl): return dsl.state\n@ours\nasync def test_it(early): ...",
            "dsl.state was used by another fixture",
        ),
    ],
)
def test_mistakes_are_told(run_pytest: Run, text: str, told: str) -> None:
    session = run_pytest(text)

    assert session.code == 1
    assert told in session.printed


def test_an_unknown_engine_is_told(run_pytest: Run) -> None:
    session = run_pytest("@ours\nasync def test_it(dsl): ...", "--engine", "simulaton")

    assert "no engine is named 'simulaton'; did you mean simulation?" in session.printed


def test_options_of_run_are_options_of_pytest(run_pytest: Run) -> None:
    session = run_pytest(
        """
@ours
async def test_it(dsl):
    loop = asyncio.get_running_loop()
    await dsl.wait_for(blocks_to_be_produced(1))
    assert loop.time() > 6
""",
        *("--engine-option", "latency=0.25", "--engine-option", "trace=false", "--slot", "6"),
        *("--keep", "always", "--timeout-factor", "3"),
    )

    assert session.outcomes == {"test_it": "passed"}
    [run] = session.runs
    description = json.loads((run / "run.json").read_text())
    assert description["options"]["latency"] == 0.25
    assert description["options"]["trace"] is False
    assert (
        "--engine-option latency=0.25 --engine-option trace=false --slot 6.0 --timeout-factor 3 --seed 1"
        in " ".join(description["command"])
    )


@pytest.mark.parametrize(
    ("option", "told"),
    [
        ("latency", "--engine-option wants NAME=VALUE, got 'latency'"),
        ("latenzy=1", "engine simulation has no option --latenzy"),
        ("latency=-1", "an option of engine simulation is wrong"),
    ],
)
def test_a_wrong_option_of_the_engine_is_told(run_pytest: Run, option: str, told: str) -> None:
    session = run_pytest("@ours\nasync def test_it(dsl): ...", "--engine-option", option)

    assert told in session.printed


def test_a_session_without_networks_imports_nothing_of_ours(tmp_path: Path) -> None:
    """The plugin is loaded in every session of an environment that has it."""
    (tmp_path / "test_other.py").write_text(
        "import sys\n"
        "def test_imports():\n"
        "    ours = {name for name in sys.modules if name.startswith('coda_')}\n"
        "    assert ours == {'coda_executive', 'coda_executive.pytest_plugin'}\n"
    )

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "coda_executive.pytest_plugin"],
        cwd=tmp_path,
        env={**os.environ, **ALONE},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout

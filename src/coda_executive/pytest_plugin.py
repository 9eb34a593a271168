"""Tests of networks as pytest tests.

An async test marked `@pytest.mark.testnet(network, runtime)` runs on a network of its own, with the fixtures
`dsl` and `testnet`; an `@integration_test` whose name pytest collects runs as it is. Each leaves a run directory
with its report. The simulation's tests run in virtual time.

pytest loads this in every session of an environment where it is installed: what it needs is imported when the
first such test is collected.
"""

import inspect
import re
import secrets
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

if TYPE_CHECKING:
    from coda_executive.dsl.dsl import Dsl
    from coda_executive.executive.integration_test import IntegrationTest

_MARKER = "testnet"
_MOST_NAME = 80  # characters of a test's name in that of its run directory


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("coda-executive", "tests on Coda networks")
    group.addoption("--engine", default="local", help="Where networks run (see `coda-executive engines`).")
    group.addoption(
        "--engine-option",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="An option of the engine, named as for `coda-executive run`; may be repeated.",
    )
    group.addoption("--daemon", help="Command of the daemon under test; by default the reference daemon.")
    group.addoption("--seed", type=int, help="Repeat a run's choices; drawn and told by default.")
    group.addoption("--slot", type=float, help="Length of a slot in seconds, instead of each test's own.")
    group.addoption(
        "--run-dir", type=Path, help="Where each test gets a folder for its evidence; by default runs/."
    )
    group.addoption(
        "--keep",
        choices=["never", "failed", "always"],
        default="failed",
        help="Which runs keep their nodes' state and keys; logs and history always stay.",
    )
    group.addoption("--timeout-factor", type=float, default=1.0, help="Stretches the limits of all waits.")
    # pytest has a --strict of its own.
    group.addoption(
        "--strict-network",
        action="store_true",
        help="What --strict is to `coda-executive run`: overrunning a soft limit fails the test.",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        f"{_MARKER}(network, runtime, *, needs=(), exercises=(), log_policy=None, time_limit=…): run this async test "
        "on a network of its own, with the fixtures dsl and testnet",
    )


@pytest.fixture
def dsl(request: pytest.FixtureRequest) -> "_Later":
    """The language of the test: waits, sections, faults. See `coda_executive.Dsl`."""
    return _later(request, "dsl")


@pytest.fixture
def testnet(request: pytest.FixtureRequest) -> "_Later":
    """The network that the test runs on: its nodes, by role and by name."""
    return _later(request, "testnet")


class _Later:
    """Stands for what there is only while a network runs."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> NoReturn:
        raise pytest.UsageError(
            f"{self._name}.{attribute} was used by another fixture: the network runs for the length of the test's "
            f"own body only; use {self._name} there"
        )


def _later(request: pytest.FixtureRequest, name: str) -> _Later:
    if not _is_ours(request.node):
        raise pytest.UsageError(
            f"the fixture {name} is for async tests marked @pytest.mark.{_MARKER}(network, runtime)"
        )
    return _Later(name)


def _is_ours(item: pytest.Item) -> bool:
    return isinstance(item, pytest.Function) and item.get_closest_marker(_MARKER) is not None


def pytest_pycollect_makeitem(
    collector: pytest.Module | pytest.Class, name: str, obj: object
) -> pytest.Item | None:
    """Collect an IntegrationTest under the names that functions are collected under."""
    # Whoever made one has imported its module: nobody else pays for that.
    module = sys.modules.get("coda_executive.executive.integration_test")
    if module is None or not isinstance(obj, module.IntegrationTest) or not collector.funcnamefilter(name):
        return None
    item: pytest.Item = IntegrationTestItem.from_parent(collector, name=name, test=obj)
    return item


class IntegrationTestItem(pytest.Item):
    """An `@integration_test` as an item of pytest."""

    def __init__(self, *, test: "IntegrationTest", **arguments: Any) -> None:
        super().__init__(**arguments)
        self._test = test

    def runtest(self) -> None:
        _run(self, self._test, raised=None)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        code = getattr(self._test.body, "__code__", None)
        return self.path, None if code is None else code.co_firstlineno - 1, self.name


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a marked test on the loop of its engine, whatever else in this session runs async tests."""
    if not _is_ours(pyfuncitem):
        return None
    function = pyfuncitem.obj
    if not inspect.iscoroutinefunction(function):
        # pytest-asyncio has already put its own function around it.
        function = getattr(function, "__wrapped__", function)
    if not inspect.iscoroutinefunction(function):
        raise pytest.UsageError(f"{pyfuncitem.name} is marked {_MARKER}, so it must be an `async def`")
    body = _Body(function, {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames})
    _run(pyfuncitem, _marked_test(pyfuncitem, body), raised=body)
    return True


class _Body:
    """A pytest function as the body of a test. Keeps what it raised, for pytest to show."""

    def __init__(self, function: Callable[..., Awaitable[None]], arguments: dict[str, Any]) -> None:
        self._function = function
        self._arguments = arguments
        self.__code__ = getattr(inspect.unwrap(function), "__code__", None)  # says where the test is
        self.error: BaseException | None = None

    async def __call__(self, dsl: "Dsl") -> None:
        given = {"dsl": dsl, "testnet": dsl.testnet}
        arguments = {
            name: given[name] if isinstance(value, _Later) else value
            for name, value in self._arguments.items()
        }
        try:
            await self._function(**arguments)
        except pytest.skip.Exception as skipped:
            self.error = skipped  # the network ends in order first
        except pytest.fail.Exception as failed:
            self.error = failed
            raise AssertionError(str(failed)) from failed
        except Exception as error:
            self.error = error
            raise


def _marked_test(item: pytest.Function, body: _Body) -> "IntegrationTest":
    from coda_executive.executive.integration_test import integration_test

    marker = item.get_closest_marker(_MARKER)
    assert marker is not None
    try:
        arguments = {**dict(zip(("network", "runtime"), marker.args, strict=False)), **marker.kwargs}
        return integration_test(name=_file_name(item.name), **arguments)(body)
    except TypeError as error:
        raise pytest.UsageError(
            f"@pytest.mark.{_MARKER}(network, runtime, …) of {item.nodeid}: {error}"
        ) from error


def _run(item: pytest.Item, test: "IntegrationTest", *, raised: _Body | None) -> None:
    """Run a test and tell pytest how it ended."""
    from coda_executive.errors import EngineError
    from coda_executive.executive.engines import chosen_options, find_engine
    from coda_executive.executive.outcome import Verdict
    from coda_executive.executive.runner import RunSettings, run_test
    from coda_executive.executive.slot_length import with_slot_seconds
    from coda_executive.report.plain import PlainMonitor
    from coda_executive.report.summary import summary_lines
    from coda_executive.report.write import write_reports

    given = item.config.getoption
    engine = find_engine(given("--engine"))
    options = chosen_options(engine, _engine_options(given("--engine-option")), lenient_text=True)
    if (slot_seconds := given("--slot")) is not None:
        test = with_slot_seconds(test, slot_seconds)
    missing = [finding for finding in engine.check() if not finding.ok]
    if missing:
        pytest.skip(f"engine {engine.name} cannot run here: {missing[0].subject}: {missing[0].detail}")
    seed = secrets.randbelow(2**31) if given("--seed") is None else given("--seed")
    settings = RunSettings(
        seed=seed,
        engine_options=options,
        daemon=given("--daemon"),
        run_dir=_run_directory(item),
        keep=given("--keep"),
        timeout_factor=given("--timeout-factor"),
        strict=given("--strict-network"),
        command=_repeated_command(item, seed),
    )
    outcome, directory = run_test(test, engine, settings, PlainMonitor(print))
    if directory is None:
        pytest.skip(outcome.skipped or "the engine cannot run it")
    try:
        page = write_reports(directory).page
    except EngineError as error:
        page = None
        print(f"there is no report: {error}")
    summary = "\n".join(summary_lines(test.name, outcome, directory, settings.command, page)).strip()
    if outcome.verdict is Verdict.INTERRUPTED:
        raise KeyboardInterrupt
    if raised is not None and raised.error is not None:
        item.add_report_section("call", "network", summary)
        raise raised.error
    if outcome.verdict is not Verdict.PASSED:
        pytest.fail(summary, pytrace=False)
    item.add_report_section("call", "network", summary)


def _engine_options(given: list[str]) -> dict[str, str]:
    """NAME=VALUE texts by name, in Python's spelling. Raises pytest.UsageError for one without `=`."""
    options = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals:
            raise pytest.UsageError(f"--engine-option wants NAME=VALUE, got {text!r}")
        options[name.removeprefix("--").replace("-", "_")] = value
    return options


def _repeated_command(item: pytest.Item, seed: int) -> tuple[str, ...]:
    """The command line that runs this item alone as it was run here."""
    given = item.config.getoption
    command = ["pytest", item.nodeid, "--engine", given("--engine")]
    for option in given("--engine-option"):
        command += ["--engine-option", option]
    for flag in ("--daemon", "--slot"):
        if given(flag) is not None:
            command += [flag, str(given(flag))]
    if given("--timeout-factor") != 1.0:
        command += ["--timeout-factor", f"{given('--timeout-factor'):g}"]
    if given("--strict-network"):
        command.append("--strict-network")
    return (*command, "--seed", str(seed))


def _run_directory(item: pytest.Item) -> Path | None:
    """A folder of this test alone: sessions and workers may share the one above it."""
    parent: Path | None = item.config.getoption("--run-dir")
    if parent is None:
        return None
    return parent / f"{_file_name(item.nodeid)}-{secrets.token_hex(3)}"


def _file_name(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9.]+", "-", text).strip("-.")[-_MOST_NAME:]

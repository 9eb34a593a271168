"""Finding tests: the catalogue's by name, a user's own as `path/to/file.py::name`."""

import importlib
import importlib.util
import pkgutil
import re
import sys
import traceback
from collections.abc import Mapping
from difflib import get_close_matches
from inspect import signature
from pathlib import Path

import msgspec

from coda_executive.errors import ConfigError
from coda_executive.executive.integration_test import IntegrationTest

CATALOGUE = "coda_executive.catalogue"
_UNKNOWN_FIELD = re.compile(r"(?:(\w+)\.__init__\(\) got an u|U)nexpected keyword argument '(\w+)'")


def catalogue() -> dict[str, IntegrationTest]:
    """The shipped tests by name, sorted."""
    package = importlib.import_module(CATALOGUE)
    found: dict[str, IntegrationTest] = {}
    for module in pkgutil.iter_modules(package.__path__, CATALOGUE + "."):
        for test in _tests_in(vars(importlib.import_module(module.name))):
            found[test.name] = test
    return dict(sorted(found.items()))


def find_test(target: str) -> IntegrationTest:
    """The test that a command line names. Raises ConfigError with what there is instead."""
    if "::" in target or target.endswith(".py"):
        return _from_file(target)
    tests = catalogue()
    if target not in tests:
        here = [f"{target}.py"] if Path(f"{target}.py").is_file() else []
        close = here or get_close_matches(target, tests, n=1)
        hint = f"did you mean {close[0]}?" if close else "`coda-executive list` shows them"
        raise ConfigError(
            f"no test of the catalogue is named {target!r}; {hint} (a test of your own is named path/to/file.py::name)"
        )
    return tests[target]


def _from_file(target: str) -> IntegrationTest:
    name_of_file, _, wanted = target.partition("::")
    path = Path(name_of_file)
    if not path.is_file():
        raise ConfigError(f"{path} is no file; a test of your own is named path/to/file.py::name")
    spec = importlib.util.spec_from_file_location(f"_user_test_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    sys.path.insert(0, str(path.resolve().parent))  # so that it can import its neighbours
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        place, hint = _place(path, error), _hint(str(error), vars(module))
        raise ConfigError(f"{place} cannot be imported: {type(error).__name__}: {error}{hint}") from error
    finally:
        sys.path.pop(0)
    tests = {test.name: test for test in _tests_in(vars(module))}
    # A function is also found by its own spelling, with underscores.
    chosen = tests.get(wanted) or tests.get(wanted.replace("_", "-"))
    if chosen is None and not wanted and len(tests) == 1:
        return next(iter(tests.values()))
    if chosen is None and not wanted and tests:
        names = " ".join(f"{path}::{name}" for name in sorted(tests))
        raise ConfigError(f"{path} holds {len(tests)} tests; name those that shall run: {names}")
    if chosen is None:
        there = f"there are {', '.join(sorted(tests))}" if tests else "it holds no @integration_test at all"
        raise ConfigError(f"{path} has no test named {wanted!r}; {there}")
    return chosen


def _tests_in(namespace: dict[str, object]) -> list[IntegrationTest]:
    return [value for value in namespace.values() if isinstance(value, IntegrationTest)]


def _place(path: Path, error: Exception) -> str:
    """The file, with the line of it at which its import ended, where that is known."""
    if isinstance(error, SyntaxError):
        return f"{error.filename or path}:{error.lineno}"
    lines = [
        frame.lineno
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename) == path.absolute() or frame.filename == str(path)
    ]
    return f"{path}:{lines[-1]}" if lines else str(path)


def _hint(text: str, namespace: Mapping[str, object]) -> str:
    """What a newcomer meant who called something of ours with wrong arguments; empty for other errors."""
    if text.startswith("integration_test()"):
        return ". Write @integration_test(network=NetworkConfig(…), runtime=RuntimeConfig(…))"
    unknown = _UNKNOWN_FIELD.search(text)
    if unknown is None:
        return ""
    # msgspec does not say whose argument it was: then all that the file could have called are looked through.
    kinds = [namespace.get(unknown[1])] if unknown[1] else namespace.values()
    fields = {
        name: None
        for kind in kinds
        if isinstance(kind, type) and (unknown[1] or issubclass(kind, msgspec.Struct))
        for name in signature(kind).parameters
    }
    close = get_close_matches(unknown[2], fields, n=1)
    return f". Did you mean {close[0]!r}?" if close else ""

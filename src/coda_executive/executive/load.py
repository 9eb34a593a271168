"""Finding tests: the catalogue's by name, a user's own as `path/to/file.py::name`."""

import importlib
import importlib.util
import pkgutil
import sys
from difflib import get_close_matches
from pathlib import Path

from coda_executive.errors import ConfigError
from coda_executive.executive.integration_test import IntegrationTest

CATALOGUE = "coda_executive.catalogue"


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
        close = get_close_matches(target, tests, n=1)
        hint = f"; did you mean {close[0]}?" if close else f"; there are {', '.join(tests)}"
        raise ConfigError(
            f"no test of the catalogue is named {target!r}{hint} (a test of your own is named path/to/file.py::name)"
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
        raise ConfigError(f"{path} cannot be imported: {type(error).__name__}: {error}") from error
    finally:
        sys.path.pop(0)
    tests = {test.name: test for test in _tests_in(vars(module))}
    # A function is also found by its own spelling, with underscores.
    chosen = tests.get(wanted) or tests.get(wanted.replace("_", "-"))
    if chosen is None and not wanted and len(tests) == 1:
        return next(iter(tests.values()))
    if chosen is None:
        there = f"there are {', '.join(sorted(tests))}" if tests else "it holds no @integration_test at all"
        raise ConfigError(f"{path} has no test named {wanted!r}; {there}")
    return chosen


def _tests_in(namespace: dict[str, object]) -> list[IntegrationTest]:
    return [value for value in namespace.values() if isinstance(value, IntegrationTest)]

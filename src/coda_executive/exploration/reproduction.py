"""A found case as a Python test that anybody can run."""

import dataclasses
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from coda_executive.executive.integration_test import IntegrationTest
from coda_executive.executive.load import find_test
from coda_executive.executive.replay import flags_of
from coda_executive.executive.slot_length import with_slot_seconds
from coda_executive.exploration.attempt import Setup, disturbed
from coda_executive.exploration.shrink import Case
from coda_executive.nemesis.schedule import Schedule


def repeated(
    target: str, schedule: Schedule, *, beside: str, slot_seconds: float | None = None
) -> IntegrationTest:
    """A test as a search ran it: the network is disturbed by the schedule and must recover, then the body runs. A
    `target` in a file is named as seen from the folder of the file `beside`.
    """
    test = find_test(str(Path(beside).parent / target) if _is_in_file(target) else target)
    if slot_seconds is not None:
        test = with_slot_seconds(test, slot_seconds)
    disturbed_test = disturbed(test, Setup(target, engine="", options={}), schedule, [])
    return dataclasses.replace(disturbed_test, name=_name(test))


def python_test(setup: Setup, case: Case, signature: str, path: str) -> str:
    """The text of a module with one test; its docstring says how to run it as `path`."""
    name = _name(find_test(setup.target)).replace("-", "_")
    command = ["coda-executive run", f"{path}::{name}", f"--engine {setup.engine}", f"--seed {case.seed}"]
    command += [] if setup.daemon is None else [f"--daemon {setup.daemon}"]
    command += flags_of(setup.options)
    names = sorted({type(part).__name__ for part in _parts(case.schedule)})
    slot = "" if setup.slot_seconds is None else f", slot_seconds={setup.slot_seconds!r}"
    faults = "".join(f"\n        {fault!r}," for fault in case.schedule.faults)
    return f'''"""Found by a search: {signature}

    {" ".join(command)}
"""

from coda_executive import {", ".join(names)}
from coda_executive.exploration.reproduction import repeated

SCHEDULE = Schedule(
    seconds={case.schedule.seconds!r},
    faults=({faults}
    ),
)
{name} = repeated({_seen_from(path, setup.target)!r}, SCHEDULE, beside=__file__{slot})
'''


def _is_in_file(target: str) -> bool:
    return target.partition("::")[0].endswith(".py")


def _seen_from(path: str, target: str) -> str:
    """The target such that it is found from wherever the module at `path` is run."""
    if not _is_in_file(target):
        return target
    file, mark, name = target.partition("::")
    return f"{os.path.relpath(file, Path(path).parent)}{mark}{name}"


def _name(test: IntegrationTest) -> str:
    """Also a name in Python, with underscores."""
    return re.sub(r"\W+", "-", test.name) + "-with-faults"


def _parts(value: Any) -> Iterator[Any]:
    """A struct or dataclass, and all such in it: what its repr names."""
    if isinstance(value, msgspec.Struct):
        yield value
        for field in msgspec.structs.fields(value):
            yield from _parts(getattr(value, field.name))
    elif dataclasses.is_dataclass(value):
        yield value
        for each in dataclasses.fields(value):
            yield from _parts(getattr(value, each.name))
    elif isinstance(value, tuple):
        for item in value:
            yield from _parts(item)

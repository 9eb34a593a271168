"""What tests are made and tested with: the conformance kit that every engine passes, fakes, and a log engine
that plays a script. Public: for who writes an engine, a wait condition or a test that wants to be tested.

The kit is a base class that pytest collects in a class of your own:

    class TestMyEngine(EngineConformance):
        engine = MyEngine()
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from coda_executive.testing.bench import Bench
    from coda_executive.testing.engine_conformance import EngineConformance
    from coda_executive.testing.fake_client import FakeClient
    from coda_executive.testing.fake_engine import FakeEngine, FakeOptions
    from coda_executive.testing.fake_node import FakeNode
    from coda_executive.testing.fake_process import FakeProcess, idle
    from coda_executive.testing.log_engine_conformance import LogBench, LogEngineConformance
    from coda_executive.testing.promises import clause, promise
    from coda_executive.testing.scripted_log_engine import ScriptedLogEngine, read_script

_HOMES = {
    "bench": ("Bench",),
    "engine_conformance": ("EngineConformance",),
    "fake_client": ("FakeClient",),
    "fake_engine": ("FakeEngine", "FakeOptions"),
    "fake_node": ("FakeNode",),
    "fake_process": ("FakeProcess", "idle"),
    "log_engine_conformance": ("LogBench", "LogEngineConformance"),
    "promises": ("clause", "promise"),
    "scripted_log_engine": ("ScriptedLogEngine", "read_script"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [  # noqa: RUF022 (in the order of the modules)
    "Bench",
    "EngineConformance",
    "FakeClient",
    "FakeEngine",
    "FakeOptions",
    "FakeNode",
    "FakeProcess",
    "idle",
    "LogBench",
    "LogEngineConformance",
    "clause",
    "promise",
    "ScriptedLogEngine",
    "read_script",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)

"""The log engines that follow files and that play scripts, on lines of the kit's own."""

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, cast

from tests.coda_executive.wait_conditions.states import nodes

from coda_executive.config.node_id import NodeId
from coda_executive.engines.simulation.event_loop import run
from coda_executive.interfaces.testnet import Testnet
from coda_executive.log_engines.file_tail import FileTail
from coda_executive.testing import LogBench, LogEngineConformance, ScriptedLogEngine

TESTNET = Testnet(cast(Any, None), tuple(nodes(NodeId("a"), NodeId("b"))), (), (), (), ())


class TestFileTail(LogEngineConformance):
    def open_log(self, directory: Path) -> LogBench:
        def path(node: NodeId) -> Path:
            return directory / f"{node}.log"

        def append(node: NodeId, data: bytes) -> None:
            with path(node).open("ab") as file:
                file.write(data)

        def rename(node: NodeId) -> None:
            path(node).rename(path(node).with_suffix(".log.0"))

        def copy_and_truncate(node: NodeId) -> None:
            path(node).with_suffix(".log.0").write_bytes(path(node).read_bytes())
            path(node).write_bytes(b"")

        rotations = {"rename": rename, "copy and truncate": copy_and_truncate}
        return LogBench(FileTail(path), TESTNET, append, rotations)


class TestScriptedLogEngine(LogEngineConformance):
    splits_lines = True

    def run(self, main: Callable[[], Coroutine[Any, Any, None]]) -> None:
        run(main)

    def open_log(self, directory: Path) -> LogBench:
        engine, unfinished = ScriptedLogEngine(), dict.fromkeys("ab", b"")

        def write(node: NodeId, data: bytes) -> None:
            *lines, unfinished[node] = (unfinished[node] + data).split(b"\n")
            engine.write(node, *lines)

        return LogBench(engine, TESTNET, write)

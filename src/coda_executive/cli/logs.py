"""`logs`: what all nodes of a run and their companions wrote, merged by time, filtered, shown line by line.

What reads and filters is imported when the command runs: `--help` must not pay for it.
"""

import os
import sys
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from coda_executive.cli.find_run import find_run, has_ended
from coda_executive.config.node_id import NodeId
from coda_executive.errors import ConfigError, EngineError
from coda_protocol.structured_events import Level

if TYPE_CHECKING:
    from coda_executive.log_engines.lines import RawLine

_POLLING_SECONDS = 0.1
_LEVELS = [level.text for level in Level]
# After \b, click leaves the lines of a paragraph as they are.
_EXPRESSIONS = """EXPR compares what a line holds; comparisons are joined with &&, || and !, and grouped with ( ).

\b
  .level >= "Warn"                the severity of the line
  node == "seed-1"                the node that wrote it
  "peer"                          its message contains this
  .source.module match /Router$/  a field of the record, by regular expression
  .metadata.slot in [3, 4]        another; an odd key is written .["odd key"]
  .time >= 30 && .time < 60       seconds since the run's first line
  exists(.event_id)               whether it is there at all
"""
_RESET = b"\x1b[0m"
_COLOURS = {
    Level.INTERNAL: b"\x1b[2m",
    Level.SPAM: b"\x1b[2m",
    Level.TRACE: b"\x1b[36m",
    Level.DEBUG: b"\x1b[32m",
    Level.WARN: b"\x1b[33m",
    Level.ERROR: b"\x1b[31m",
    Level.FAULTY_PEER: b"\x1b[38;5;208m",
    Level.FATAL: b"\x1b[1;91m",
}


@click.command("logs", context_settings={"help_option_names": ["-h", "--help"]}, epilog=_EXPRESSIONS)
@click.argument("run", required=False)
@click.option("--filter", "query", metavar="EXPR", help="Show only the lines that EXPR is true of.")
@click.option(
    "--node",
    "nodes",
    metavar="NAME",
    multiple=True,
    help="Show only this node and what runs beside it; may be repeated.",
)
@click.option(
    "--level",
    type=click.Choice(_LEVELS, case_sensitive=False),
    help="Show only lines of this level and above, and those of no level.",
)
@click.option("--raw", "form", flag_value="raw", help="Print the lines as they were written.")
@click.option("--json", "form", flag_value="json", help="Print a JSON object a line, with its node.")
@click.option("--follow", is_flag=True, help="Go on with what is written, until the run has ended.")
@click.option("--color/--no-color", default=None, help="Colour by level; by default on a terminal.")
def logs_command(
    run: str | None,
    query: str | None,
    nodes: tuple[str, ...],
    level: str | None,
    form: str | None,
    follow: bool,
    color: bool | None,
) -> int:
    """Print the logs of all nodes of RUN and of what runs beside them (such as NODE-worker-1), merged by time.

    RUN is a path, a testnet that is up (see ls), or the name of a run under runs/ or its beginning; by default
    the newest one.
    """
    directory = find_run(run)
    if run is None:
        click.echo(f"run {directory.name}", err=True)
    chosen = _chosen(directory, nodes, follow)
    wanted = _wanted(directory, query, level)
    shown = [name for name, path in _logs(directory).items() if _is_chosen(name, path, chosen)]
    if not shown and not follow:
        click.echo(f"no node of run {directory.name} wrote a log: see `coda-executive report`", err=True)
    as_bytes = _form(form, names_node=len(shown) != 1, colour=_is_coloured(color))
    try:
        show_logs(directory, chosen, wanted, as_bytes, sys.stdout.buffer, follow=follow)
    except BrokenPipeError:
        # The reader, such as `head`, has seen enough. Nobody is left for what the exit would still flush.
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), sys.stdout.fileno())
    except OSError as error:
        raise EngineError(f"cannot show the logs of {directory}: {error}") from error
    return 0


def show_logs(
    directory: Path,
    nodes: tuple[NodeId, ...],
    wanted: Callable[["RawLine"], bool],
    as_bytes: Callable[["RawLine"], bytes],
    out: BinaryIO,
    *,
    follow: bool,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Write the wanted lines of these nodes and their companions, of all if none are named, those yet to come included.

    Following looks for more each 0.1 s and ends with the run. What was not yet written when its turn came is
    shown late rather than never: by time then only within each look. Raises OSError.
    """
    from coda_executive.executive.wrong_clocks import heard_of_wrong_clocks
    from coda_executive.log_engines.lines import GrowingLogs

    # Of a run that goes on, its time stamps as they are: of those who were heard of last, nobody knows yet.
    with GrowingLogs({} if follow else heard_of_wrong_clocks(directory)) as logs:
        is_over = False
        while not is_over:
            # Looked at before the logs: whatever was written before the outcome is then shown.
            is_over = not follow or has_ended(directory)
            for node, path in _logs(directory).items():
                if _is_chosen(node, path, nodes):
                    logs.add(node, path)
            for line in logs.news(to_the_end=is_over):
                if wanted(line):
                    out.write(as_bytes(line) + b"\n")
            out.flush()
            if not is_over:
                sleep(_POLLING_SECONDS)


def _logs(directory: Path) -> Mapping[NodeId, Path]:
    from coda_executive.executive.run_directory import log_files

    return log_files(directory)


def _is_chosen(name: NodeId, path: Path, nodes: tuple[NodeId, ...]) -> bool:
    return not nodes or name in nodes or path.parent.name in nodes


def _chosen(directory: Path, nodes: tuple[str, ...], follow: bool) -> tuple[NodeId, ...]:
    """The nodes asked for, each once. One that is not there is refused, or awaited while the run goes on."""
    known = _logs(directory)
    for node in nodes:
        if node not in known:
            problem = f"run {directory.name} has no node {node!r}; it has {', '.join(known) or 'none'}"
            if not follow or has_ended(directory):
                raise ConfigError(problem)
            click.echo(f"{problem} so far. Waiting for it.", err=True)
    return tuple(NodeId(node) for node in dict.fromkeys(nodes))


# ---- which lines ----


def _wanted(directory: Path, query: str | None, level: str | None) -> Callable[["RawLine"], bool]:
    from coda_executive.log_engines.query.evaluate import compile_query
    from coda_executive.log_engines.query.parse import parse_query
    from coda_executive.log_engines.query.syntax import AllOf, at_least

    conditions = []
    if level is not None:
        conditions.append(at_least(Level.of_text(level)))
    if query is not None:
        conditions.append(parse_query(query))
    return compile_query(AllOf(tuple(conditions)), _RunTime(directory).seconds)


class _RunTime:
    """The time of a run as its logs tell it, counted from the first line of whichever node."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._first: datetime | None = None

    def seconds(self, timestamp: str) -> float | None:
        """Seconds since the first line; None for a time that no calendar has."""
        try:
            now = datetime.fromisoformat(timestamp)
            if self._first is None:
                self._first = self._first_line() or now
        except ValueError:
            return None
        return (now - self._first).total_seconds()

    def _first_line(self) -> datetime | None:
        from coda_executive.log_engines.lines import first_time

        # Of daemons only: a worker's time stamps may be cut to whole seconds.
        logs = {name: path for name, path in _logs(self._directory).items() if path.name == "daemon.log"}
        first = first_time(logs)
        return None if first is None else datetime.fromisoformat(first)


# ---- how they look ----


def _is_coloured(asked: bool | None) -> bool:
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") if asked is None else asked


def _form(name: str | None, *, names_node: bool, colour: bool) -> Callable[["RawLine"], bytes]:
    """How a line is shown, without its newline."""
    match name:
        case "json":
            return _json_form()
        case "raw" if names_node:
            return lambda line: line.node.encode() + b" " + line.text
        case "raw":
            return lambda line: line.text
        case _:
            return _rendered_form(colour)


def _rendered_form(colour: bool) -> Callable[["RawLine"], bytes]:
    from coda_executive.log_engines.lines import render

    def plain(line: "RawLine") -> bytes:
        return render(line).encode(errors="replace")

    def coloured(line: "RawLine") -> bytes:
        begin = _COLOURS.get(line.level) if line.level is not None else None
        return plain(line) if begin is None else begin + plain(line) + _RESET

    return coloured if colour else plain


def _json_form() -> Callable[["RawLine"], bytes]:
    """The record as it was written, with `node` in front; of any other line, its text."""
    from msgspec.json import encode

    def as_json(line: "RawLine") -> bytes:
        text = line.text.decode(errors="replace")
        node = b'{"node":' + encode(line.node) + b","
        if line.message is None or not text.lstrip().startswith("{"):
            return node + b'"text":' + encode(text) + b"}"
        return node + text.strip().removeprefix("{").encode()

    return as_json

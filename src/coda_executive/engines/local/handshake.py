"""Asks a daemon's binary what it is, before anything is deployed: version and the ids of its structured
events.
"""

import asyncio
import os
import re
import shlex
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import msgspec

from coda_executive.engines.local.errand import run_errand
from coda_executive.engines.local.process import Command, Guardian, ProcessEnd
from coda_executive.errors import DeployError
from coda_executive.interfaces.network_manager import DaemonBuild

# `-m` would import runpy first, which costs a third of a bare interpreter's start; the console script may not
# exist.
REFERENCE_DAEMON = (
    sys.executable,
    "-I",
    "-c",
    "import sys; from coda_daemon.cli import main; sys.exit(main())",
)
REFERENCE_NAME = "coda"

_VERSION = re.compile(r"Commit .+ on branch .+")


@dataclass(frozen=True, slots=True)
class Handshake:
    """What was learned. `cpu_seconds` is what one start of the daemon's program costs; `slowdown` how much
    longer it took on this machine now.
    """

    build: DaemonBuild
    cpu_seconds: float
    slowdown: float


def daemon_command(daemon: str | None) -> tuple[str, ...]:
    """The words that a daemon's command line begins with, the first an absolute path; None is the reference
    daemon.

    Raises DeployError when there is no such program or it may not be run.
    """
    if daemon is None:
        return REFERENCE_DAEMON
    try:
        words = shlex.split(daemon)
    except ValueError as error:
        raise DeployError(f"--daemon {daemon!r} is no command: {error}; check its quotes") from error
    if not words:
        raise DeployError("--daemon is empty; give the command of a daemon, such as mina, or leave it out")
    found = shutil.which(words[0])
    if found is None:
        path = Path(words[0])
        if path.is_file():
            raise DeployError(
                f"the daemon {words[0]} may not be executed; chmod +x it or name its interpreter"
            )
        raise DeployError(
            f"there is no daemon {words[0]!r}: neither a file nor a program in PATH "
            f"({os.environ.get('PATH', '')}). Give --daemon a path, or leave it out for the reference daemon"
        )
    return (str(Path(found).absolute()), *words[1:])


async def shake_hands(
    guardian: Guardian,
    command: tuple[str, ...],
    *,
    shown: str,
    environment: dict[str, str],
    directory: Path,
    limit: float,
) -> Handshake:
    """Run `version` and `internal dump-structured-events`, both at once, with what they write in `directory`.

    `shown` is the command as the user knows it; `limit` in seconds. Raises DeployError.
    """
    began = asyncio.get_running_loop().time()
    questions = {"version": ("version",), "events": ("internal", "dump-structured-events")}
    try:
        async with asyncio.timeout(limit), asyncio.TaskGroup() as group:
            tasks = {
                name: group.create_task(
                    _ask(guardian, name, (*command, *words), environment, directory), name=f"daemon {name}"
                )
                for name, words in questions.items()
            }
    except TimeoutError as error:
        raise DeployError(
            f"{shown} did not answer `version` and `internal dump-structured-events` within {limit:g} s; "
            f"is it a Mina daemon? If the machine is just slow, raise --handshake-limit"
        ) from error
    except ExceptionGroup as group_error:
        raise group_error.exceptions[0] from None
    wall = asyncio.get_running_loop().time() - began
    ends = {name: task.result() for name, task in tasks.items()}
    answers = {name: (directory / f"{name}.out").read_bytes() for name in questions}
    for name, end in ends.items():
        if end.code != 0:
            said = answers[name] + (directory / f"{name}.err").read_bytes()
            raise DeployError(
                f"`{shown} {' '.join(questions[name])}` ended with {end} and said: {_excerpt(said)}; "
                f"is it a Mina daemon?"
            )
    cpu = max(end.cpu_seconds for end in ends.values())
    build = DaemonBuild(
        command=shown,
        version=parse_version(answers["version"], shown),
        event_ids=parse_event_ids(answers["events"], shown),
    )
    return Handshake(build, cpu, max(1.0, wall / max(cpu, 0.001)))


async def _ask(
    guardian: Guardian, name: str, argv: tuple[str, ...], environment: dict[str, str], directory: Path
) -> ProcessEnd:
    outputs = {suffix: directory / f"{name}.{suffix}" for suffix in ("out", "err")}
    command = Command(argv, environment, directory, outputs["out"], outputs["err"])
    return await run_errand(guardian, f"handshake {name}", command)


def parse_version(output: bytes, shown: str) -> str:
    """The version line of what `version` printed, other lines ignored (daemon contract A.1). Raises
    DeployError.
    """
    text = output.decode("utf-8", "replace")
    for line in text.splitlines():
        found = _VERSION.search(line)
        if found:
            return found.group().strip()
    raise DeployError(
        f"`{shown} version` printed no `Commit … on branch …` but: {_excerpt(output)}; is it a Mina daemon?"
    )


def parse_event_ids(output: bytes, shown: str) -> dict[str, str]:
    """Event ids by name, from the list of `[name, id, fields]` of `dump-structured-events`; text before it is
    ignored.

    Raises DeployError (daemon contract A.11).
    """
    for begin in _line_starts(output, b"["):
        try:
            rows = msgspec.json.decode(output[begin:], type=list[tuple[str, str, list[str]]])
        except msgspec.DecodeError:
            continue
        return {name: event_id for name, event_id, _ in rows}
    raise DeployError(
        f"`{shown} internal dump-structured-events` printed no JSON list of [name, id, fields] but: "
        f"{_excerpt(output)}; is it a Mina daemon?"
    )


def _line_starts(output: bytes, first: bytes) -> list[int]:
    starts = [0] + [match.end() for match in re.finditer(rb"\n", output)]
    return [begin for begin in starts if output[begin : begin + 1] == first]


def _excerpt(output: bytes) -> str:
    text = output.decode("utf-8", "replace").strip()
    return repr(text[:300]) if text else "nothing"

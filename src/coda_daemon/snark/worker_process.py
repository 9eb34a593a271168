"""`coda internal snark-worker`: a SNARK worker from its arguments to its exit code (daemon contract A.11, H)."""

import asyncio
from collections.abc import Sequence
from typing import Final

from coda_daemon.command_line import Command, Flag, HelpWanted, Kind, UsageError, parse
from coda_daemon.log import Log
from coda_daemon.log_sinks import MEBIBYTE, JsonConsole, MainFile, RotatingFile, TextConsole
from coda_daemon.ports import Host
from coda_daemon.snark.work import ProofLevel
from coda_daemon.snark.worker import (
    BadAddressError,
    CoordinatorLost,
    Worker,
    WorkerOptions,
    proving_time,
    retry_time,
)
from coda_protocol.structured_events import Level

_MODULE: Final = "Snark_worker"
_USAGE_ERROR: Final = 1

WORKER = Command(
    "coda internal snark-worker",
    "SNARK worker: does the work that a coordinator hands out",
    (
        Flag("daemon-address", Kind.TEXT, "HOST:PORT of the coordinator's client port; required"),
        Flag("proof-level", Kind.TEXT, "the network's: none or check (default none)"),
        Flag("shutdown-on-disconnect", Kind.BOOLEAN, "end when the coordinator is gone (default true)"),
        Flag("config-directory", Kind.TEXT, "where mina-snark-worker.log goes (default: no file)"),
        Flag("log-json", Kind.SWITCH, "JSON lines on stdout"),
        Flag("log-level", Kind.TEXT, "console level (default Info)"),
    ),
)


async def run_snark_worker(arguments: Sequence[str], host: Host) -> int:
    """Run a worker with what follows `coda internal snark-worker`, and return its exit code."""
    try:
        values = {name: given[-1] for name, given in parse(WORKER, arguments).items()}
        options = _options(values, host)
        level = Level.of_text(str(values.get("log-level", "Info")))
    except HelpWanted:
        host.console.out(WORKER.usage())
        return 0
    except UsageError as error:
        host.console.err(WORKER.rejection(error))
        return _USAGE_ERROR
    except ValueError as error:
        host.console.err(str(error))
        return _USAGE_ERROR
    console = (JsonConsole if "log-json" in values else TextConsole)(host.console, level)
    file = _log_file(values.get("config-directory"), host)
    sinks = (console,) if file is None else (console, MainFile(file, Level.TRACE))
    try:
        return await _run_until_end(
            Worker(options, host, log := Log(host.clock, sinks, pid=host.pid)), host, log
        )
    finally:
        if file is not None:
            file.flush()


def _options(values: dict[str, bool | int | str], host: Host) -> WorkerOptions:
    """Raises UsageError, or ValueError for the environment."""
    address = values.get("daemon-address")
    if address is None:
        raise UsageError("missing required flag: -daemon-address")
    level: ProofLevel
    match values.get("proof-level", "none"):
        case "none":
            level = "none"
        case "check":
            level = "check"
        case other:
            raise UsageError(
                f"Proof level {other} is not compatible with compile-time proof level check; expected none or check"
            )
    return WorkerOptions(
        str(address),
        level,
        values.get("shutdown-on-disconnect", True) is True,
        proving_time(host.environment),
        retry_time(host.environment),
    )


def _log_file(directory: bool | int | str | None, host: Host) -> RotatingFile | None:
    if directory is None:
        return None
    host.store.make_directory(str(directory))
    path = f"{directory}/mina-snark-worker.log"
    return RotatingFile(
        host.store,
        host.console,
        path,
        max_size=10 * MEBIBYTE,
        rotations=1,
        at_end_of_step=host.at_end_of_step,
    )


async def _run_until_end(worker: Worker, host: Host, log: Log) -> int:
    working = asyncio.ensure_future(worker.run())
    signalled = asyncio.ensure_future(host.interrupted())
    try:
        await asyncio.wait((working, signalled), return_when=asyncio.FIRST_COMPLETED)
        if signalled.done():
            log.info(_MODULE, "SNARK worker was interrupted by $signal", signal=signalled.result())
            return 0
        await working
    except CoordinatorLost as error:
        log.info(_MODULE, "Shutting down: $error", error=str(error))
    except BadAddressError as error:
        log.fatal(_MODULE, "The worker cannot go on: $error", error=str(error))
        return _USAGE_ERROR
    finally:
        working.cancel()
        signalled.cancel()
        await asyncio.gather(working, signalled, return_exceptions=True)
    return 0

"""`coda archive …`: from its arguments to its exit code (daemon contract G.1)."""

import posixpath
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

from coda_daemon.archive.archive import Archive, delete_below
from coda_daemon.archive.block_diff import genesis_diff
from coda_daemon.archive.command_lines import BLOCKS, DEFAULT_URI, PRUNE, REPLAY, RUN, SCHEMA
from coda_daemon.archive.feed import DEFAULT_PORT
from coda_daemon.archive.frames import MalformedArchiveFrame
from coda_daemon.archive.metrics import DEFAULT_WIDTH, Metrics
from coda_daemon.archive.precomputed import diff_of_precomputed
from coda_daemon.archive.replay import ReplayError, replayed
from coda_daemon.archive.schema import has_tables, schema
from coda_daemon.archive.server import ArchiveServer
from coda_daemon.blocks import MalformedBlockError
from coda_daemon.build import commit
from coda_daemon.command_line import Command, HelpWanted, UsageError, Value, parse
from coda_daemon.genesis import Genesis, make_genesis
from coda_daemon.genesis_archives import load_archives
from coda_daemon.genesis_ledgers import GenesisError
from coda_daemon.log import Log
from coda_daemon.log_sinks import JsonConsole, TextConsole
from coda_daemon.ports import ArchiveStore, Host, Listener
from coda_daemon.settings import COMPILED_PROFILE
from coda_daemon.trust_list import TrustList
from coda_daemon.user_error import UserError
from coda_protocol import runtime_config
from coda_protocol.constants import CompiledProfile, with_defaults
from coda_protocol.format_error import FormatError
from coda_protocol.runtime_config import RuntimeConfig
from coda_protocol.structured_events import Level

_MODULE: Final = "Archive"
_ALL_ADDRESSES: Final = "0.0.0.0"  # noqa: S104  the contract's; the trust list guards it
EXIT_USER_ERROR, EXIT_UNKNOWN_LOG_LEVEL = 1, 14

_Values = Mapping[str, tuple[Value, ...]]


async def run_archive(arguments: Sequence[str], host: Host) -> int:
    """Run what follows `coda archive` and return the exit code."""
    commands: Mapping[str, tuple[Command, Callable[[_Values, Host, Log], Awaitable[None]]]] = {
        "run": (RUN, _run),
        "prune": (PRUNE, _prune),
        "blocks": (BLOCKS, _blocks),
        "replay": (REPLAY, _replay),
        "schema": (SCHEMA, _schema),
    }
    name, *rest = arguments or ("",)
    if name not in commands:
        host.console.err(f"coda archive: unknown subcommand {name}; expected {', '.join(commands)}")
        return EXIT_USER_ERROR
    command, action = commands[name]
    try:
        values = parse(command, rest)
    except HelpWanted:
        host.console.out(command.usage())
        return 0
    except UsageError as error:
        host.console.err(command.rejection(error))
        return EXIT_USER_ERROR
    try:
        level = Level.of_text(_text(values, "log-level", "Info"))
    except ValueError:
        names = "\n".join(level.text for level in Level)
        host.console.err(
            f"Received unknown log-level {_text(values, 'log-level', '')}. Expected one of: {names}"
        )
        return EXIT_UNKNOWN_LOG_LEVEL
    log = Log(
        host.clock,
        [(JsonConsole if "log-json" in values else TextConsole)(host.console, level)],
        pid=host.pid,
    )
    try:
        await action(values, host, log)
    except (UserError, GenesisError, ReplayError, OSError) as error:
        log.fatal(_MODULE, "coda archive $command failed: $error", command=name, error=str(error))
        return EXIT_USER_ERROR
    return 0


async def _run(values: _Values, host: Host, log: Log) -> None:
    """Take blocks until told to end."""
    log.info(_MODULE, "Starting archive process; built with commit $commit", commit=commit())
    store = await _opened(values, host)
    listeners: list[Listener] = []
    try:
        archive = Archive(store, k=_compiled_k())
        if "config-file" in values:
            await archive.add(genesis_diff(_genesis(values, host)))
        width = _number(values, "missing-blocks-width", DEFAULT_WIDTH) or DEFAULT_WIDTH
        if port := _number(values, "metrics-port", None):
            listeners.append(await host.http.serve("127.0.0.1", port, Metrics(store, width=width).handle))
        server = ArchiveServer(
            archive,
            trusted=TrustList(host.environment, host.store, None, own=_ALL_ADDRESSES),
            kept=_number(values, "delete-older-than", None),
            log=log,
        )
        port = _number(values, "server-port", DEFAULT_PORT) or DEFAULT_PORT
        listeners.append(await host.transport.listen(_ALL_ADDRESSES, port, server.serve))
        listeners.append(server)
        log.info(_MODULE, "Archive process ready. Clients can now connect")
        signal = await host.interrupted()
        log.info(_MODULE, "Archive process was interrupted by $signal", signal=signal)
    finally:
        for listener in listeners:
            listener.close()
        await store.close()


async def _prune(values: _Values, host: Host, log: Log) -> None:
    given = [name for name in ("height", "num-blocks", "timestamp") if name in values]
    if len(given) != 1:
        raise UserError(
            f"expected one of -height, -num-blocks and -timestamp, found {' and '.join(given) or 'none'}"
        )
    number = _number(values, given[0], None)
    store = await _opened(values, host)
    try:
        async with store.transaction():
            height = await _height_to_keep(store, given[0], number or 0)
            count = 0 if height is None else await delete_below(store, height)
    finally:
        await store.close()
    log.info(_MODULE, "Deleted $count blocks", count=count)


async def _height_to_keep(store: ArchiveStore, rule: str, number: int) -> int | None:
    """The lowest height that stays; None if all do."""
    if rule == "height":
        return number
    if rule == "num-blocks":
        ((highest,),) = await store.fetch("SELECT max(height) FROM blocks")
        return None if highest is None else int(highest) - number
    ((highest,),) = await store.fetch(
        "SELECT max(height) FROM blocks WHERE CAST(timestamp AS bigint) < $1", number
    )
    return None if highest is None else int(highest) + 1


async def _blocks(values: _Values, host: Host, log: Log) -> None:
    if "file" not in values:
        raise UserError("expected -file, with precomputed blocks or with a log that has some")
    store = await _opened(values, host)
    archive, new, known = Archive(store, k=_compiled_k()), 0, 0
    try:
        for path in map(str, values["file"]):
            for number, line in enumerate(host.store.read(path).splitlines(), start=1):
                try:
                    diff = diff_of_precomputed(line)
                    is_new = None if diff is None else await archive.add(diff)
                except (MalformedArchiveFrame, MalformedBlockError) as error:
                    raise UserError(f"{path}:{number}: {error}") from error
                new += is_new is True
                known += is_new is False
    finally:
        await store.close()
    log.info(_MODULE, "Added $new blocks; $known were there before", new=new, known=known)


def _compiled_k() -> int:
    """What was compiled, whatever the network's configuration says (G.2)."""
    return with_defaults(RuntimeConfig(), CompiledProfile.LIGHTNET).k


async def _replay(values: _Values, host: Host, log: Log) -> None:
    if "config-file" not in values:
        raise UserError("expected -config-file, the runtime configuration with the genesis ledger")
    genesis = _genesis(values, host)
    store = await _opened(values, host)
    target = _text(values, "target-state-hash", "")
    try:
        found = await replayed(store, genesis, target or None)
    finally:
        await store.close()
    log.info(
        _MODULE,
        "Replayed $blocks blocks up to $state_hash at height $height: $user_commands user commands, "
        "$internal_commands internal commands; all ledger hashes agree",
        blocks=found.blocks,
        state_hash=found.state_hash,
        height=found.height,
        user_commands=found.user_commands,
        internal_commands=found.internal_commands,
    )


async def _schema(values: _Values, host: Host, _log: Log) -> None:
    host.console.out(schema("sqlite" if "sqlite" in values else "postgresql"))


async def _opened(values: _Values, host: Host) -> ArchiveStore:
    """The database with its tables. An empty SQLite file gets them; a server's were to be loaded before (G.1)."""
    try:
        store = await host.archive_stores.open(_text(values, "postgres-uri", DEFAULT_URI))
    except ValueError as error:
        raise UserError(str(error)) from error
    try:
        await _check_tables(store)
    except BaseException:
        await store.close()
        raise
    return store


async def _check_tables(store: ArchiveStore) -> None:
    if await has_tables(store):
        return
    if store.dialect != "sqlite":
        raise UserError(
            "expected the archive's tables in the database, found none; load them first: "
            "coda archive schema | psql URI"
        )
    await store.script(schema(store.dialect))


def _genesis(values: _Values, host: Host) -> Genesis:
    """The genesis of the configuration files; ledgers by hash are looked for in `genesis/` beside the first.

    Raises UserError and GenesisError.
    """
    configs, paths = [], [str(path) for path in values["config-file"]]
    for path in paths:
        try:
            configs.append(runtime_config.parse(host.store.read(path)))
        except OSError as error:
            raise UserError(f"Could not read configuration file {path}: {error}") from error
        except FormatError as error:
            raise UserError(f"Could not parse configuration file: {path}: {error}") from error
    config = runtime_config.merge(RuntimeConfig(), *configs)
    constants = with_defaults(config, COMPILED_PROFILE)
    directory = f"{posixpath.dirname(paths[0]) or '.'}/genesis"
    archives = load_archives(config, (directory,), host.store, depth=constants.ledger_depth)
    return make_genesis(config, constants, archives)


def _text(values: _Values, name: str, default: str) -> str:
    return str(values[name][-1]) if name in values else default


def _number(values: _Values, name: str, default: int | None) -> int | None:
    """Raises UserError for one below 0."""
    if name not in values:
        return default
    number = values[name][-1]
    assert isinstance(number, int)
    if number < 0:
        raise UserError(f"-{name}: expected a whole number, found {number}")
    return number

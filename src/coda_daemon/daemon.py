"""`coda daemon`: from its arguments to its exit code (daemon contract A.8 to A.10).

Everything outside comes through the host, so this is the whole daemon on an operating system and in a
simulation.
"""

import asyncio
import traceback
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from coda_daemon.archive.feed import ArchiveFeed
from coda_daemon.archive.precomputed import PrecomputedBlocks
from coda_daemon.arguments import DAEMON, DaemonArguments, UnknownLogLevel, parse_daemon_arguments
from coda_daemon.block_producer import Producer
from coda_daemon.build import BRANCH, commit
from coda_daemon.client_answers import answer_client
from coda_daemon.client_port import ClientPort
from coda_daemon.command_line import HelpWanted, UsageError
from coda_daemon.config_directory import ConfigDirectory
from coda_daemon.doors import open_doors
from coda_daemon.exported_logs import report_crash
from coda_daemon.genesis import make_genesis
from coda_daemon.genesis_archives import load_archives
from coda_daemon.genesis_ledgers import GenesisError
from coda_daemon.gossip.network import Gossip
from coda_daemon.gossip.trust_file import TrustFile
from coda_daemon.ledger.account import Address
from coda_daemon.log import Log
from coda_daemon.log_sinks import JsonConsole, LogFiles, TextConsole
from coda_daemon.node import Node, NodeExit, NodeOptions
from coda_daemon.ports import Clock, Host
from coda_daemon.profile import UnknownProfile, profile_of
from coda_daemon.rest import DaemonView
from coda_daemon.settings import MODULE, Settings, load_config, make_settings
from coda_daemon.snark.seller import SnarkSeller
from coda_daemon.stop_time import wait_for_stop_time
from coda_daemon.trust_list import TrustList
from coda_daemon.user_error import UserError
from coda_daemon.wallet import Wallet

EXIT_STOPPED, EXIT_USER_ERROR, EXIT_UNKNOWN_LOG_LEVEL, EXIT_INTERRUPTED = 0, 1, 14, 130


@dataclass(frozen=True, slots=True)
class BlockClock:
    """Block time: the host's clock put back by `MINA_TIME_OFFSET` seconds (daemon contract A.5); not for log lines."""

    clock: Clock
    offset_seconds: int

    def time_ns(self) -> int:
        return self.clock.time_ns() - self.offset_seconds * 1_000_000_000


async def run_daemon(arguments: Sequence[str], host: Host) -> int:
    """Run a node with what follows `coda daemon` and return its exit code. Raises what is a bug of ours."""
    try:
        parsed = parse_daemon_arguments(arguments, home=host.environment.get("HOME", "/"))
    except HelpWanted:
        host.console.out(DAEMON.usage())
        return 0
    except UsageError as error:
        host.console.err(DAEMON.rejection(error))
        return EXIT_USER_ERROR
    except UnknownLogLevel as error:
        host.console.err(str(error))
        return EXIT_UNKNOWN_LOG_LEVEL
    directory = ConfigDirectory(parsed.config_directory, host)
    try:
        directory.open(commit())
    except UserError as error:
        _tell_user(host, error)
        return EXIT_USER_ERROR
    files = LogFiles(
        host.store,
        host.console,
        directory.path,
        level=parsed.file_log_level,
        rotations=parsed.file_log_rotations,
        at_end_of_step=host.at_end_of_step,
    )
    console = (JsonConsole if parsed.log_json else TextConsole)(host.console, parsed.log_level)
    log = Log(host.clock, (console, *files.sinks), pid=host.pid)
    try:
        return await _run_logged(parsed, directory, host, log)
    except Exception:
        files.flush()
        with suppress(OSError):
            report_crash(host.store, directory.path, time_ns=host.clock.time_ns())
        raise
    finally:
        files.flush()


async def _run_logged(arguments: DaemonArguments, directory: ConfigDirectory, host: Host, log: Log) -> int:
    """Run the node and put every end that is not a bug into an exit code; a bug leaves the lock in place."""
    try:
        code = await _run_node(arguments, directory, host, log)
    except (UserError, GenesisError, UnknownProfile) as error:
        log.fatal(MODULE, "The daemon cannot start: $error", error=str(error))
        _tell_user(host, error)
        code = EXIT_USER_ERROR
    except Exception:
        log.fatal(MODULE, "Unhandled top-level exception: $exn", exn=traceback.format_exc())
        raise
    directory.close()
    return code


async def _run_node(arguments: DaemonArguments, directory: ConfigDirectory, host: Host, log: Log) -> int:
    if arguments.start_filtered_logs:
        log.start_filtered_log(arguments.start_filtered_logs)
    log.info(
        MODULE,
        "Mina daemon is booting up; built with commit $commit on branch $branch",
        commit=commit(),
        branch=BRANCH,
    )
    log.info(MODULE, "Booting may take several seconds, please wait")
    settings = make_settings(arguments, load_config(arguments, host, log), host, log)
    if arguments.is_seed or arguments.is_demo:
        log.info(MODULE, f"Starting node {'in demo mode' if arguments.is_demo else 'as a seed node'}")
    archives = load_archives(
        settings.config,
        arguments.genesis_ledger_directories,
        host.store,
        depth=settings.constants.ledger_depth,
    )
    genesis = make_genesis(settings.config, settings.constants, archives)
    log.info(MODULE, f"Daemon will use chain id {genesis.chain_id}")
    clock: Clock = BlockClock(host.clock, settings.time_offset) if settings.time_offset else host.clock
    profile = profile_of(host.environment, slot_ms=genesis.constants.slot_ms)
    node = Node(
        host=host,
        genesis=genesis,
        log=log,
        profile=profile,
        directory=directory.path,
        options=NodeOptions(
            is_seed=arguments.is_seed,
            is_demo=arguments.is_demo,
            producer=_producer(settings),
            logs_transaction_gossip=settings.logs_transaction_gossip,
            logs_snark_work_gossip=settings.snark.logs_gossip,
        ),
        clock=clock,
    )
    gossip = Gossip(
        host=host,
        identity=settings.identity,
        chain_id=genesis.chain_id,
        bind_ip=arguments.bind_ip,
        external_ip=arguments.external_ip,
        external_port=settings.external_port,
        seeds=settings.seeds,
        profile=profile,
        log=log,
        serve=node.serve,
        receive=node.receive,
        limits=settings.limits,
        direct=settings.direct_peers,
        is_flooding=arguments.is_flooding,
        is_isolated=arguments.is_isolated,
        trust_file=TrustFile(directory.path, host, log),
    )
    log.add_process_metadata(host=arguments.external_ip, peer_id=gossip.peer_id, port=settings.external_port)
    wallet = Wallet(host.store, host.chance, directory.path)
    seller = SnarkSeller(settings.snark, node.snark, host, log, profile)
    view = DaemonView(
        arguments, settings, genesis, node, gossip, clock, log, wallet, seller, host.store, profile
    )
    return await _run_until_end(view, _client_port(view, host), host)


def _client_port(view: DaemonView, host: Host) -> ClientPort:
    arguments = view.arguments
    directory, own = arguments.config_directory, arguments.external_ip
    return ClientPort(
        lambda: view.node.snark.coordinator,
        answer=lambda call: answer_client(view, call),
        trusted=TrustList(host.environment, host.store, directory, own=own),
        nap=view.profile.worker_nap,
        log=view.log,
    )


def _write_precomputed_blocks(view: DaemonView, host: Host) -> None:
    logged, path = view.arguments.logs_precomputed_blocks, view.arguments.precomputed_blocks_file
    if logged or path is not None:
        blocks = PrecomputedBlocks(view.node, host.store, view.log, is_logged=logged, path=path)
        view.node.announcements.listen(blocks.heard)


async def _run_until_end(view: DaemonView, clients: ClientPort, host: Host) -> int:
    log, code = view.log, 0
    _write_precomputed_blocks(view, host)
    async with open_doors(view, clients, host):
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(view.gossip.run(), name="gossip")
                tasks.create_task(view.node.run(view.gossip), name="node")
                tasks.create_task(view.seller.run(), name="SNARK work for sale")
                if view.settings.archive is not None:
                    feed = ArchiveFeed(view.settings.archive, view.node, host.transport, log, view.profile)
                    tasks.create_task(feed.run(), name="archive")
                tasks.create_task(_exit_when_interrupted(host, log), name="signals")
                tasks.create_task(_exit_when_told(clients, log), name="stop-daemon")
                tasks.create_task(_exit_at_stop_time(view), name="stop time")
                log.info(MODULE, "Daemon ready. Clients can now connect")
        except* NodeExit as ends:
            code = _first_code(ends)
        except* OSError as errors:
            # What is not handled where it is used: the gossip port, and the files of the chain's state.
            raise UserError(f"The node cannot go on: {errors.exceptions[0]}") from errors
    return code


async def _exit_when_interrupted(host: Host, log: Log) -> None:
    signal = await host.interrupted()
    log.info(MODULE, "Mina process was interrupted by $signal", signal=signal)
    raise NodeExit(EXIT_INTERRUPTED)


async def _exit_when_told(clients: ClientPort, log: Log) -> None:
    await clients.told_to_stop()
    log.info(MODULE, "Shutting down: a client asked for it")
    raise NodeExit(EXIT_STOPPED)


async def _exit_at_stop_time(view: DaemonView) -> None:
    given = view.settings.stop_hours
    hours = view.profile.stop_hours if given is None else given
    if hours is None:
        return
    await wait_for_stop_time(view.node, view.clock, hours, view.profile)
    view.log.info(MODULE, "Daemon has been running for $uptime hours. Stopping now", uptime=hours)
    raise NodeExit(EXIT_STOPPED)


def _first_code(ends: BaseExceptionGroup[NodeExit]) -> int:
    end: BaseException = ends
    while isinstance(end, BaseExceptionGroup):
        end = end.exceptions[0]
    assert isinstance(end, NodeExit)
    return end.code


def _producer(settings: Settings) -> Producer | None:
    if settings.producer is None:
        return None
    receiver = settings.coinbase_receiver
    return Producer(
        Address(str(settings.producer.public)),
        None if receiver is None else Address(str(receiver)),
        settings.producer,
        settings.minimum_block_reward,
        settings.logs_block_creation,
    )


def _tell_user(host: Host, error: Exception) -> None:
    host.console.err(f"\n  Mina Daemon encountered a configuration error\n\n{error}\n")

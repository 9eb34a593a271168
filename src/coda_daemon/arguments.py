"""Arguments of `coda daemon` (daemon contract A.2), as a table and as typed values.

Flags that concern what this build does not do are of two kinds. Those whose absence nobody can notice are
accepted, and their help says so. Those whose user would wait for something that never comes are refused.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from coda_daemon.command_line import Command, Flag, Kind, UsageError, Value, parse
from coda_protocol.structured_events import Level

_REPORTING = "this build reports to no service"
_UNUSED = "accepted; changes nothing in the reference daemon"


def _accepted(kind: Kind, *names: str) -> tuple[Flag, ...]:
    return tuple(Flag(name, kind, _UNUSED) for name in names)


def _refused(kind: Kind, reason: str, *names: str) -> tuple[Flag, ...]:
    return tuple(Flag(name, kind, "refused", refusal=reason) for name in names)


DAEMON = Command(
    "coda daemon",
    "Reference daemon of Coda Executive: a compact node with the command line of Mina's",
    (
        Flag("config-directory", Kind.TEXT, "state of this node (default ~/.mina-config)"),
        Flag("config-file", Kind.TEXT, "runtime configuration; later files win", repeats=True),
        Flag("genesis-ledger-dir", Kind.TEXT, "where ledgers given by hash are; then genesis/ in -config-directory"),
        Flag("proof-level", Kind.TEXT, "none or check (default: the configuration's); full is refused"),
        Flag("seed", Kind.SWITCH, "start without peers, never end for being alone"),
        Flag("demo-mode", Kind.SWITCH, "start without peers; sync status is always SYNCED"),
        Flag("peer", Kind.TEXT, "multiaddress of a peer", repeats=True),
        Flag("peer-list-file", Kind.TEXT, "file with a multiaddress a line"),
        Flag("direct-peer", Kind.TEXT, "as -peer, and always sent whole messages", repeats=True),
        Flag("libp2p-keypair", Kind.TEXT, "key file, or secret,public,peerid (default: a new key)"),
        Flag("discovery-keypair", Kind.TEXT, "as -libp2p-keypair (name of 2020)"),
        Flag("external-ip", Kind.TEXT, "address told to peers (default: the one they see)"),
        Flag("external-port", Kind.INTEGER, "TCP port for peers (default 8302)"),
        Flag("bind-ip", Kind.TEXT, "address to listen on for peers (default 0.0.0.0)"),
        Flag("client-port", Kind.INTEGER, "port for `coda client` and SNARK workers (default 8301)"),
        Flag("rest-port", Kind.INTEGER, "GraphQL and status HTTP port (default 3085)"),
        Flag("insecure-rest-server", Kind.SWITCH, "serve the REST port on all addresses"),
        Flag("limited-graphql-port", Kind.INTEGER, "also serve daemonStatus, block and version alone, there"),
        Flag("open-limited-graphql-port", Kind.SWITCH, "serve that port on all addresses"),
        Flag("metrics-port", Kind.INTEGER, "serve Prometheus metrics at /metrics there"),
        Flag("libp2p-metrics-port", Kind.INTEGER, "the same of the gossip network alone"),
        Flag("stop-time", Kind.INTEGER, "hours until the node stops, between two blocks (default 168; dev: never)"),
        Flag("minimum-block-reward", Kind.TEXT, "MINA below which an empty block is made instead (default 0)"),
        Flag("log-block-creation", Kind.BOOLEAN, "log the steps of block production (default true)"),
        Flag("block-producer-key", Kind.TEXT, "private key file of the block producer"),
        Flag("block-producer-pubkey", Kind.TEXT, "produce with this key of the daemon's own wallet"),
        Flag("block-producer-password", Kind.TEXT, "its password, if MINA_PRIVKEY_PASS is not set"),
        Flag("coinbase-receiver", Kind.TEXT, "public key that gets coinbases (default: the block producer)"),
        Flag("log-json", Kind.SWITCH, "JSON lines on stdout"),
        Flag("log-level", Kind.TEXT, "console level (default Info)"),
        Flag("file-log-level", Kind.TEXT, "level of mina.log (default Trace)"),
        Flag("file-log-rotations", Kind.INTEGER, "rotated log files kept (default 50)"),
        Flag("start-filtered-logs", Kind.TEXT, "event ids to capture from the start", repeats=True),
        Flag("min-connections", Kind.INTEGER, "dial peers until there are so many (default 20)"),
        Flag("max-connections", Kind.INTEGER, "keep at most so many peers (default 50)"),
        Flag("enable-flooding", Kind.BOOLEAN, "send messages to all peers, not over a mesh (default false)"),
        Flag("isolate-network", Kind.BOOLEAN, "only talk to the peers given (default false)"),
        Flag("log-txn-pool-gossip", Kind.BOOLEAN, "log gossip of transactions; its events need it (default false)"),
        Flag("run-snark-worker", Kind.TEXT, "public key that the work of a local worker process is sold under"),
        Flag("run-snark-coordinator", Kind.TEXT, "public key that the work of external workers is sold under"),
        Flag("snark-worker-parallelism", Kind.INTEGER, "threads of the local SNARK worker (default 1)"),
        Flag("snark-worker-fee", Kind.TEXT, "price of a piece of SNARK work in MINA (default: compiled)"),
        Flag("work-selection", Kind.TEXT, "rand, seq, or part: coordinators share the work, ours (default rand)"),
        Flag("work-reassignment-wait", Kind.INTEGER, "milliseconds until unfinished work is handed out again"),
        Flag("log-snark-work-gossip", Kind.BOOLEAN, "log each gossip of SNARK work; needed for its events"),
        Flag("archive-address", Kind.TEXT, "HOST:PORT or PORT of an archive, which is sent every block"),
        Flag("log-precomputed-blocks", Kind.BOOLEAN, "put each new block in the log (default false)"),
        Flag("precomputed-blocks-file", Kind.TEXT, "file that precomputed blocks are appended to, one a line"),
        Flag("working-dir", Kind.TEXT, "directory that relative paths start from (default: current)"),
        Flag("contact-info", Kind.TEXT, "under 200 characters; reported nowhere"),
        *_accepted(
            Kind.SWITCH,
            "no-super-catchup",
            "tracing",
            "internal-tracing",
            "disable-node-status",
            "disable-telemetry",
            "simplified-node-stats",
            "all-peers-seen-metric",
            "archive-rocksdb",
        ),
        *_accepted(
            Kind.BOOLEAN,
            "generate-genesis-proof",
            "log-received-blocks",
            "enable-peer-exchange",
            "limit-concurrent-connections",
        ),
        *_accepted(
            Kind.INTEGER,
            "validation-queue-size",
        ),
        *_accepted(
            Kind.TEXT,
            "peer-protection-rate",
            "current-protocol-version",
            "gc-stat-interval",
        ),
        *_refused(Kind.TEXT, "this build fetches nothing over HTTP; use -peer-list-file", "peer-list-url"),
        *_refused(Kind.BOOLEAN, _REPORTING, "upload-blocks-to-gcloud", "uptime-send-node-commit-sha"),
        *_refused(Kind.SWITCH, "start it in the background yourself", "background"),
        *_refused(Kind.TEXT, "this build has no protocol versions to propose", "proposed-protocol-version"),
        *_refused(Kind.TEXT, "this build loads no plugins", "load-plugin"),
        *_refused(Kind.TEXT, "this build knows no hard forks", "hardfork-handling"),
        *_refused(
            Kind.TEXT,
            _REPORTING,
            "node-status-url",
            "node-error-url",
            "uptime-url",
            "uptime-submitter-key",
            "uptime-submitter-pubkey",
        ),
        *_refused(
            Kind.INTEGER,
            "this is no ITN build",
            "itn-graphql-port",
            "itn-max-logs",
        ),
        *_refused(Kind.TEXT, "this is no ITN build", "itn-keys"),
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class DaemonArguments:
    """What the command line of `coda daemon` said; None where it said nothing and the configuration may
    (contract A.3).
    """

    config_directory: str
    config_files: tuple[str, ...]
    genesis_ledger_directories: tuple[str, ...]
    proof_level: str | None
    is_seed: bool
    is_demo: bool
    peers: tuple[str, ...]
    direct_peers: tuple[str, ...]
    peer_list_file: str | None
    libp2p_keypair: str | None
    external_ip: str
    external_port: int | None
    bind_ip: str
    client_port: int | None
    rest_port: int | None
    insecure_rest_server: bool
    limited_graphql_port: int | None
    open_limited_graphql_port: bool
    metrics_port: int | None
    libp2p_metrics_port: int | None
    stop_time: int | None
    minimum_block_reward: str | None
    logs_block_creation: bool | None
    block_producer_key: str | None
    block_producer_pubkey: str | None
    block_producer_password: str | None
    coinbase_receiver: str | None
    log_json: bool
    log_level: Level
    file_log_level: Level
    file_log_rotations: int
    start_filtered_logs: tuple[str, ...]
    min_connections: int | None
    max_connections: int | None
    logs_transaction_gossip: bool | None
    logs_snark_work_gossip: bool | None
    snark_worker: str | None
    snark_coordinator: str | None
    snark_worker_fee: str | None
    snark_worker_parallelism: int | None
    work_selection: str | None
    work_reassignment_wait: int | None
    archive_address: str | None
    logs_precomputed_blocks: bool
    precomputed_blocks_file: str | None
    working_directory: str
    is_flooding: bool
    is_isolated: bool


class UnknownLogLevel(ValueError):
    """A log level that is none: exit code 14 (daemon contract A.8)."""

    def __init__(self, text: str) -> None:
        names = "\n".join(level.text for level in Level)
        super().__init__(f"Received unknown log-level {text}. Expected one of: {names}")


def parse_daemon_arguments(arguments: Sequence[str], *, home: str) -> DaemonArguments:
    """Read what follows `coda daemon`. Raises UsageError, HelpWanted or UnknownLogLevel; `home` holds the
    default directory.
    """
    values = parse(DAEMON, arguments)
    base = _last(values, "working-dir", str, "")

    def path(text: str) -> str:
        text = f"{home.rstrip('/')}{text[1:]}" if text == "~" or text.startswith("~/") else text
        return text if text.startswith("/") or not base else f"{base.rstrip('/')}/{text}"

    def optional_path(name: str) -> str | None:
        text = _last(values, name, str, None)
        return None if text is None else path(text)

    keypair = _last(values, "libp2p-keypair", str, None) or _last(values, "discovery-keypair", str, None)
    if len(_last(values, "contact-info", str, "")) >= 200:
        raise UsageError("failed to parse -contact-info value: expected fewer than 200 characters")
    config_directory = path(_last(values, "config-directory", str, "~/.mina-config")).rstrip("/")
    genesis_directory = optional_path("genesis-ledger-dir")
    given_genesis = () if genesis_directory is None else (genesis_directory,)
    return DaemonArguments(
        config_directory=config_directory,
        genesis_ledger_directories=(*given_genesis, f"{config_directory}/genesis"),
        config_files=tuple(path(str(file)) for file in values.get("config-file", ())),
        proof_level=_last(values, "proof-level", str, None),
        is_seed="seed" in values,
        is_demo="demo-mode" in values,
        peers=tuple(str(peer) for peer in values.get("peer", ())),
        direct_peers=tuple(str(peer) for peer in values.get("direct-peer", ())),
        peer_list_file=optional_path("peer-list-file"),
        libp2p_keypair=keypair if keypair is None or "," in keypair else path(keypair),
        external_ip=_last(values, "external-ip", str, "0.0.0.0"),  # noqa: S104  "not known"
        external_port=_port(values, "external-port"),
        bind_ip=_last(values, "bind-ip", str, "0.0.0.0"),  # noqa: S104  the contract's default
        client_port=_port(values, "client-port"),
        rest_port=_port(values, "rest-port"),
        insecure_rest_server="insecure-rest-server" in values,
        limited_graphql_port=_port(values, "limited-graphql-port"),
        open_limited_graphql_port="open-limited-graphql-port" in values,
        metrics_port=_port(values, "metrics-port"),
        libp2p_metrics_port=_port(values, "libp2p-metrics-port"),
        stop_time=_last(values, "stop-time", int, None),
        minimum_block_reward=_last(values, "minimum-block-reward", str, None),
        logs_block_creation=_last(values, "log-block-creation", bool, None),
        block_producer_key=optional_path("block-producer-key"),
        block_producer_pubkey=_last(values, "block-producer-pubkey", str, None),
        block_producer_password=_last(values, "block-producer-password", str, None),
        coinbase_receiver=_last(values, "coinbase-receiver", str, None),
        log_json="log-json" in values,
        log_level=_level(_last(values, "log-level", str, "Info")),
        file_log_level=_level(_last(values, "file-log-level", str, "Trace")),
        file_log_rotations=_last(values, "file-log-rotations", int, 50),
        start_filtered_logs=tuple(str(event) for event in values.get("start-filtered-logs", ())),
        min_connections=_last(values, "min-connections", int, None),
        max_connections=_last(values, "max-connections", int, None),
        logs_transaction_gossip=_last(values, "log-txn-pool-gossip", bool, None),
        logs_snark_work_gossip=_last(values, "log-snark-work-gossip", bool, None),
        snark_worker=_last(values, "run-snark-worker", str, None),
        snark_coordinator=_last(values, "run-snark-coordinator", str, None),
        snark_worker_fee=_last(values, "snark-worker-fee", str, None),
        snark_worker_parallelism=_last(values, "snark-worker-parallelism", int, None),
        work_selection=_last(values, "work-selection", str, None),
        work_reassignment_wait=_last(values, "work-reassignment-wait", int, None),
        archive_address=_last(values, "archive-address", str, None),
        logs_precomputed_blocks=_last(values, "log-precomputed-blocks", bool, False),
        precomputed_blocks_file=optional_path("precomputed-blocks-file"),
        working_directory=base,
        is_flooding=_last(values, "enable-flooding", bool, False),
        is_isolated=_last(values, "isolate-network", bool, False),
    )


_V = TypeVar("_V", bool, int, str)
_D = TypeVar("_D")


def _last(values: Mapping[str, tuple[Value, ...]], name: str, kind: type[_V], default: _D) -> _V | _D:
    given = values.get(name)
    if given is None:
        return default
    assert isinstance(given[-1], kind), name
    return given[-1]


def _port(values: Mapping[str, tuple[Value, ...]], name: str) -> int | None:
    port = _last(values, name, int, None)
    if port is not None and not 0 < port < 65536:
        raise UsageError(f"failed to parse -{name} value {port}: expected a port from 1 to 65535")
    return port


def _level(text: str) -> Level:
    try:
        return Level.of_text(text)
    except ValueError:
        raise UnknownLogLevel(text) from None

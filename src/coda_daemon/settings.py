"""What a daemon is told to do: command line over configuration files over defaults (daemon contract A.3 to
A.5).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

import msgspec

from coda_daemon.archive.feed import DEFAULT_PORT
from coda_daemon.arguments import DaemonArguments
from coda_daemon.gossip.network import Limits
from coda_daemon.gossip.peer import Peer, parse_multiaddress
from coda_daemon.log import Log
from coda_daemon.ports import Host, Store
from coda_daemon.snark.seller import SnarkSettings
from coda_daemon.snark.work import ProofLevel
from coda_daemon.snark.work_selection import SELECTIONS, UnknownSelectionError
from coda_daemon.user_error import UserError
from coda_daemon.wallet import key_path
from coda_protocol import runtime_config
from coda_protocol.constants import CompiledProfile, Constants, with_defaults
from coda_protocol.currency import Amount, Fee
from coda_protocol.format_error import FormatError
from coda_protocol.key_files import read_libp2p_key, read_private_key
from coda_protocol.keys import Keypair, PrivateKey, PublicKey
from coda_protocol.libp2p_keys import Libp2pKeypair
from coda_protocol.runtime_config import DAEMON_SETTINGS, DaemonSection, RuntimeConfig
from coda_protocol.secret_box import WrongPasswordError

COMPILED_PROFILE = CompiledProfile.LIGHTNET
MODULE = "Mina_daemon"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that the daemon's parts are built from."""

    config: RuntimeConfig
    constants: Constants
    seeds: tuple[Peer, ...]
    direct_peers: tuple[Peer, ...]
    identity: Libp2pKeypair
    producer: Keypair | None = field(repr=False)
    coinbase_receiver: PublicKey | None
    external_port: int
    rest_port: int
    client_port: int
    limited_rest_port: int | None
    metrics_port: int | None
    libp2p_metrics_port: int | None
    stop_hours: int | None  # None: the profile says
    minimum_block_reward: int  # nanomina
    logs_block_creation: bool
    limits: Limits
    logs_transaction_gossip: bool
    snark: SnarkSettings
    archive: tuple[str, int] | None  # HOST, PORT
    time_offset: int  # seconds that block time is behind the clock


def load_config(arguments: DaemonArguments, host: Host, log: Log) -> RuntimeConfig:
    """Read and merge the configuration files in the order of A.3. Raises UserError."""
    environment = host.environment
    required = [*arguments.config_files]
    if from_environment := _variable(environment, "CONFIG_FILE"):
        required.insert(0, from_environment)
    optional = f"{arguments.config_directory}/daemon.json"
    log.info(MODULE, "Reading configuration files $config_files", config_files=[optional, *required])
    configs = []
    try:
        configs.append(_parsed(optional, _modernised(optional, host.store.read(optional), host.store, log)))
    except OSError as error:
        log.warn(
            MODULE,
            "Could not read configuration from $config_file: $error",
            config_file=optional,
            error=str(error),
        )
    for path in required:
        try:
            configs.append(_parsed(path, _modernised(path, host.store.read(path), host.store, log)))
        except OSError as error:
            raise UserError(f"Could not read configuration file {path}: {error}") from error
    return runtime_config.merge(RuntimeConfig(), *configs)


def make_settings(arguments: DaemonArguments, config: RuntimeConfig, host: Host, log: Log) -> Settings:
    """Put arguments and configuration together, read keys and peers. Raises UserError."""
    section = config.daemon or DaemonSection()
    constants = with_defaults(config, COMPILED_PROFILE)
    constants = replace(constants, proof_level=_proof_level(arguments.proof_level or constants.proof_level))
    return Settings(
        config=config,
        constants=constants,
        seeds=_seeds(arguments, section, host.store, log),
        direct_peers=_given_peers("direct-peer", arguments.direct_peers),
        identity=_identity(arguments, host),
        producer=_producer(arguments, section, host, log),
        coinbase_receiver=_public_key(
            "coinbase-receiver", arguments.coinbase_receiver or section.coinbase_receiver
        ),
        external_port=arguments.external_port or section.external_port or 8302,
        rest_port=arguments.rest_port or section.rest_port or 3085,
        client_port=arguments.client_port or section.client_port or 8301,
        limited_rest_port=arguments.limited_graphql_port or section.limited_graphql_port,
        metrics_port=arguments.metrics_port or section.metrics_port,
        libp2p_metrics_port=arguments.libp2p_metrics_port or section.libp2p_metrics_port,
        stop_hours=section.stop_time if arguments.stop_time is None else arguments.stop_time,
        minimum_block_reward=_minimum_block_reward(arguments),
        logs_block_creation=_or(arguments.logs_block_creation, section.log_block_creation, True),
        limits=Limits(
            _or(arguments.min_connections, section.min_connections, 20),
            _or(arguments.max_connections, section.max_connections, 50),
        ),
        logs_transaction_gossip=_or(arguments.logs_transaction_gossip, section.log_txn_pool_gossip, False),
        snark=_snark(arguments, section, constants),
        archive=_archive_address(arguments.archive_address),
        time_offset=_time_offset(host.environment),
    )


def _proof_level(given: str) -> ProofLevel:
    match given:
        case "none":
            return "none"
        case "check":
            return "check"
    raise UserError(f"Proof level {given} is not compatible with compile-time proof level check")


def _minimum_block_reward(arguments: DaemonArguments) -> int:
    try:
        return int(Amount.of_coda(arguments.minimum_block_reward or "0"))
    except FormatError as error:
        raise UserError(f"Could not use -minimum-block-reward: {error}") from error


def _snark(arguments: DaemonArguments, section: DaemonSection, constants: Constants) -> SnarkSettings:
    selection = arguments.work_selection or section.work_selection or "rand"
    if selection not in SELECTIONS:
        raise UserError(str(UnknownSelectionError(selection)))
    worker = _public_key("run-snark-worker", arguments.snark_worker or section.run_snark_worker)
    coordinator = _public_key(
        "run-snark-coordinator", arguments.snark_coordinator or section.run_snark_coordinator
    )
    try:
        given = arguments.snark_worker_fee
        fee = constants.snark_fee if given is None else Fee.of_coda(given)
    except FormatError as error:
        raise UserError(f"Could not use -snark-worker-fee: {error}") from error
    return SnarkSettings(
        worker=None if worker is None else str(worker),
        coordinator=None if coordinator is None else str(coordinator),
        fee=int(fee),
        selection=selection,
        wait_ms=_or(arguments.work_reassignment_wait, section.work_reassignment_wait, 420_000),
        level="check" if constants.proof_level == "check" else "none",
        client_port=arguments.client_port or section.client_port or 8301,
        threads=_threads(_or(arguments.snark_worker_parallelism, section.snark_worker_parallelism, None)),
        logs_gossip=_or(arguments.logs_snark_work_gossip, section.log_snark_work_gossip, False),
    )


def _threads(given: int | None) -> int | None:
    if given is not None and given < 1:
        raise UserError(f"Could not use -snark-worker-parallelism: expected at least 1 thread, found {given}")
    return given


def _archive_address(text: str | None) -> tuple[str, int] | None:
    """HOST:PORT, PORT, or HOST with the usual port (contract A.2)."""
    if text is None:
        return None
    host, colon, port = text.rpartition(":")
    if not colon:
        host, port = ("127.0.0.1", text) if text.isdecimal() else (text, str(DEFAULT_PORT))
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise UserError(f"Could not use -archive-address: expected HOST:PORT or PORT, found {text!r}")
    return host, int(port)


_T = TypeVar("_T")


def _or(given: _T | None, configured: _T | None, default: _T) -> _T:
    if given is not None:
        return given
    return default if configured is None else configured


def _variable(environment: Mapping[str, str], name: str) -> str | None:
    """An environment variable by its name of today, or of 2020 (daemon contract A.5)."""
    return environment.get(f"MINA_{name}", environment.get(f"CODA_{name}"))


def _time_offset(environment: Mapping[str, str]) -> int:
    text = _variable(environment, "TIME_OFFSET") or "0"
    try:
        return int(text)
    except ValueError:
        raise UserError(f"MINA_TIME_OFFSET is {text!r}; expected whole seconds") from None


def _parsed(path: str, data: bytes) -> RuntimeConfig:
    try:
        return runtime_config.parse(data)
    except FormatError as error:
        raise UserError(f"Could not parse configuration file: {path}: {error}") from error


def _modernised(path: str, data: bytes, store: Store, log: Log) -> bytes:
    """A file of the very old style has the daemon's settings at top level: they are moved, in the file too
    (contract A.3).
    """
    try:
        content = msgspec.json.decode(data)
    except msgspec.DecodeError:
        return data  # told when it is parsed
    if not isinstance(content, dict) or "daemon" in content:
        return data
    settings = {name: value for name, value in content.items() if name in DAEMON_SETTINGS}
    if not settings:
        return data
    rest = {name: value for name, value in content.items() if name not in settings}
    moved = msgspec.json.format(msgspec.json.encode({"daemon": settings, **rest}))
    log.warn(
        MODULE,
        "Configuration file $config_file has settings at top level; moving them under daemon: $settings",
        config_file=path,
        settings=list(settings),
    )
    try:
        store.write(path, moved)
    except OSError as error:
        log.warn(MODULE, "Could not rewrite $config_file: $error", config_file=path, error=str(error))
    return moved


def _seeds(arguments: DaemonArguments, section: DaemonSection, store: Store, log: Log) -> tuple[Peer, ...]:
    peers = [*_given_peers("peer", (*arguments.peers, *(section.peers or ())))]
    if arguments.peer_list_file is not None:
        peers += _listed_peers(arguments.peer_list_file, store, log)
    is_alone = not peers and not arguments.direct_peers
    if is_alone and not arguments.is_seed and not arguments.is_demo and arguments.peer_list_file is None:
        raise UserError("No peers were given.\n\nPass one of -peer, -peer-list-file, -seed, -peer-list-url.")
    return tuple(dict.fromkeys(peers))


def _given_peers(flag: str, texts: Sequence[str]) -> tuple[Peer, ...]:
    try:
        return tuple(parse_multiaddress(text) for text in texts)
    except FormatError as error:
        raise UserError(f"Could not use -{flag}: {error}") from error


def _listed_peers(path: str, store: Store, log: Log) -> list[Peer]:
    try:
        lines = store.read(path).decode(errors="replace").split()
    except OSError as error:
        raise UserError(f"Could not read the peer list file {path}: {error}") from error
    peers = []
    for line in lines:
        try:
            peers.append(parse_multiaddress(line))
        except FormatError as error:
            log.error(MODULE, "Skipping a line of $file: $error", file=path, error=str(error))  # noqa: TRY400  not logging
    return peers


def _identity(arguments: DaemonArguments, host: Host) -> Libp2pKeypair:
    given = arguments.libp2p_keypair
    if given is None:
        return Libp2pKeypair.of_seed(host.chance.token_bytes(32))
    try:
        if "," in given:
            return Libp2pKeypair.parse(given)
        password = _variable(host.environment, "LIBP2P_PASS")
        if password is None:
            raise UserError(f"The libp2p key file {given} needs its password in MINA_LIBP2P_PASS.")
        return read_libp2p_key(_secret_file(given, host.store), password)
    except (FormatError, WrongPasswordError) as error:
        raise UserError(f"Could not use -libp2p-keypair: {error}") from error


def _producer(arguments: DaemonArguments, section: DaemonSection, host: Host, log: Log) -> Keypair | None:
    path = arguments.block_producer_key or section.block_producer_key
    text = host.environment.get("MINA_BP_PRIVKEY", host.environment.get("CODA_PRIVKEY"))
    own = _public_key(
        "block-producer-pubkey", arguments.block_producer_pubkey or section.block_producer_pubkey
    )
    if own is not None:
        if path is not None or text is not None:
            raise UserError(
                "A block producer's private key and -block-producer-pubkey cannot be given together; "
                "leave out one of them."
            )
        path = key_path(arguments.config_directory, str(own))
    try:
        if path is None:
            return None if text is None else Keypair.of(PrivateKey.parse(text))
        password = _variable(host.environment, "PRIVKEY_PASS")
        given = arguments.block_producer_password or section.block_producer_password
        if password is None:
            password = given
        elif given not in (None, password):
            log.warn(MODULE, "MINA_PRIVKEY_PASS and -block-producer-password differ; using the environment's")
        if password is None:
            raise UserError(f"The block producer key file {path} needs its password in MINA_PRIVKEY_PASS.")
        return Keypair.of(read_private_key(_secret_file(path, host.store), password))
    except (FormatError, WrongPasswordError) as error:
        raise UserError(f"Could not use the block producer's key: {error}") from error


def _secret_file(path: str, store: Store) -> bytes:
    """Read a key file, refusing one that others can read (daemon contract A.8, E.4)."""
    directory = path.rpartition("/")[0] or "."
    try:
        for name, wanted in ((path, 0o600), (directory, 0o700)):
            mode = store.mode(name)
            if mode & ~wanted:
                raise UserError(
                    f"{name} has mode {mode:04o}; expected {wanted:04o}: chmod {wanted:04o} {name}"
                )
        return store.read(path)
    except OSError as error:
        raise UserError(f"Could not read the key file {path}: {error}") from error


def _public_key(name: str, text: str | None) -> PublicKey | None:
    if text is None:
        return None
    try:
        return PublicKey.parse(text)
    except FormatError as error:
        raise UserError(f"Could not use -{name}: {error}") from error

"""The plan of one node: of those that a testnet is deployed with, and of one that joins it later. Pure."""

from collections.abc import Mapping, Sequence
from hashlib import blake2b

import msgspec

from coda_executive.config.companions import companions
from coda_executive.config.daemon_args import (
    GENESIS_DIRECTORY,
    LIBP2P_KEY_FILE,
    OWN_RUNTIME_FILE,
    PRODUCER_KEY_FILE,
    daemon_arguments,
    genesis_arguments,
    multiaddress,
)
from coda_executive.config.key_allocation import AllocatedKey
from coda_executive.config.ledger_accounts import without_secrets
from coda_executive.config.network import NetworkConfig
from coda_executive.config.node_id import NodeId
from coda_executive.config.plan import NodeSite, PlannedFile, PlannedNode, Role
from coda_executive.config.roster import Member
from coda_executive.errors import ConfigError
from coda_protocol.key_files import write_libp2p_key, write_private_key
from coda_protocol.libp2p_keys import Libp2pKeypair, libp2p_keypair_from_seed
from coda_protocol.runtime_config import RuntimeConfig, encode
from coda_protocol.secret_box import ENTROPY_BYTES, Difficulty

# Known to everybody, as in the real test tools: the files it protects live as long as a test.
_PASSWORD = "naughty blue worm"  # noqa: S105
# The least that Argon2i takes: opening such a file costs a node 0.1 ms, where our usual one costs 13 ms. With
# a public password no difficulty protects anything.
_DIFFICULTY = Difficulty(memory=8 * 1024, passes=3)


def peer_address(member: NodeId, site: NodeSite, *, seed: int) -> str:
    """The multiaddress that others are given; a node's identity follows from the seed and its name."""
    return multiaddress(site, _identity(member, seed).peer_id)


def plan_node(
    network: NetworkConfig,
    member: Member,
    site: NodeSite,
    *,
    peers: Mapping[NodeId, str],
    key: AllocatedKey | None,
    stake_share: float,
    seed: int,
    extra_arguments: Sequence[str],
    shared_files: Sequence[PlannedFile],
    proof_level: str,
) -> PlannedNode:
    """`peers` are those it is started with, and their addresses; `shared_files` are every node's. Raises
    ConfigError for an archive node without a site for its archive process.
    """
    if member.role is Role.ARCHIVE_NODE and site.archive_address is None:
        raise ConfigError(
            f"{member.id} needs an archive process, which the chosen engine does not run. Leave "
            f"archive_nodes out, or choose another engine."
        )
    has_genesis_files = any(file.path.startswith(f"{GENESIS_DIRECTORY}/") for file in shared_files)
    own_runtime = member.settings.runtime
    return PlannedNode(
        id=member.id,
        role=member.role,
        site=site,
        peer_address=peer_address(member.id, site, seed=seed),
        peers=tuple(peers),
        public_key=key.public if key else None,
        stake_share=stake_share,
        arguments=daemon_arguments(
            network,
            member,
            site,
            peers=list(peers.values()),
            public_key=key.public if key else None,
            extra=(*(genesis_arguments(site) if has_genesis_files else ()), *extra_arguments),
        ),
        environment=_environment(network, member),
        files=(
            *shared_files,
            *([PlannedFile(OWN_RUNTIME_FILE, _own_document(own_runtime))] if own_runtime else []),
            *_key_files(seed, member, key),
        ),
        daemon=member.settings.daemon,
        resources=member.settings.resources,
        companions=companions(network, member, site, proof_level=proof_level),
    )


def _own_document(runtime: RuntimeConfig) -> bytes:
    ledger = runtime.ledger
    if ledger is not None and ledger.accounts is not None:
        ledger = msgspec.structs.replace(ledger, accounts=without_secrets(ledger.accounts))
    return encode(msgspec.structs.replace(runtime, ledger=ledger))


def _identity(member: NodeId, seed: int) -> Libp2pKeypair:
    return libp2p_keypair_from_seed(f"{seed}:{member}")


def _environment(network: NetworkConfig, member: Member) -> Mapping[str, str]:
    passwords = {"MINA_LIBP2P_PASS": _PASSWORD}
    if member.role is Role.BLOCK_PRODUCER:
        passwords["MINA_PRIVKEY_PASS"] = _PASSWORD
    return {"CODA_PROFILE": network.profile, **passwords, **member.settings.environment}


def _key_files(seed: int, member: Member, key: AllocatedKey | None) -> tuple[PlannedFile, ...]:
    """Secret boxes whose salt and nonce come from the seed: throw-away keys under a public password."""

    def entropy(label: str) -> bytes:
        return blake2b(f"{seed}:{member.id}:{label}".encode(), digest_size=ENTROPY_BYTES).digest()

    identity = _identity(member.id, seed)
    files = [
        PlannedFile(
            LIBP2P_KEY_FILE,
            write_libp2p_key(identity, _PASSWORD, entropy=entropy("libp2p key"), difficulty=_DIFFICULTY),
            0o600,
        ),
        PlannedFile(f"{LIBP2P_KEY_FILE}.peerid", f"{identity.peer_id}\n".encode()),
    ]
    if key is not None and key.private is not None:
        box = write_private_key(
            key.private, _PASSWORD, entropy=entropy("producer key"), difficulty=_DIFFICULTY
        )
        files.append(PlannedFile(PRODUCER_KEY_FILE, box, 0o600))
        files.append(PlannedFile(f"{PRODUCER_KEY_FILE}.pub", f"{key.public}\n".encode()))
    return tuple(files)

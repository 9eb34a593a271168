"""From what a test asks for to a deployment plan. Pure: the same inputs give the same plan, byte for byte."""

import json
from collections.abc import Mapping, Sequence
from hashlib import blake2b

import msgspec

from coda_executive.config.companions import companions
from coda_executive.config.daemon_args import (
    GENESIS_DIRECTORY,
    GENESIS_FILE,
    LIBP2P_KEY_FILE,
    PRODUCER_KEY_FILE,
    RUNTIME_FILE,
    daemon_arguments,
    genesis_arguments,
    multiaddress,
)
from coda_executive.config.fault import Fault, FaultyConfigError
from coda_executive.config.kept_fields import put_back
from coda_executive.config.key_allocation import AllocatedKey, allocate_keys
from coda_executive.config.ledger_accounts import genesis_winner, resolved, stake_by_key, without_secrets
from coda_executive.config.network import NetworkConfig
from coda_executive.config.node_id import NodeId
from coda_executive.config.plan import (
    DeploymentPlan,
    NetworkConstants,
    NodeSite,
    PlannedFile,
    PlannedNode,
    Role,
)
from coda_executive.config.roster import Member, roster
from coda_executive.errors import ConfigError
from coda_protocol.constants import CompiledProfile, Constants, effective, with_defaults
from coda_protocol.currency import Balance
from coda_protocol.key_files import write_libp2p_key, write_private_key
from coda_protocol.libp2p_keys import Libp2pKeypair, libp2p_keypair_from_seed
from coda_protocol.runtime_config import (
    Account,
    EpochData,
    EpochLedger,
    GenesisLedger,
    RuntimeConfig,
    encode,
)
from coda_protocol.secret_box import ENTROPY_BYTES, Difficulty

# Known to everybody, as in the real test tools: the files it protects live as long as a test.
_PASSWORD = "naughty blue worm"  # noqa: S105
# The least that Argon2i takes: opening such a file costs a node 0.1 ms, where our usual one costs 13 ms. With
# a public password no difficulty protects anything.
_DIFFICULTY = Difficulty(memory=8 * 1024, passes=3)
# What a real build puts at position 0 for a genesis proof: the winner, with next to nothing.
_GENESIS_WINNER_BALANCE = Balance(1000)


def make_plan(
    network: NetworkConfig,
    runtime: RuntimeConfig,
    sites: Mapping[NodeId, NodeSite],
    *,
    seed: int,
    engine_arguments: Sequence[str] = (),
    filtered_log_ids: Sequence[str] = (),
    genesis_files: Mapping[str, bytes] | None = None,
) -> DeploymentPlan:
    """Compute a testnet. `sites` has a place for each of `node_names(network)`.

    `genesis_files`, by name, are put beside every node's configuration, where it looks for ledgers by hash.
    `engine_arguments` are added to every daemon's; `filtered_log_ids` are the event ids that a log engine
    which asks by GraphQL wants captured from the start. Raises ConfigError; `validate` tells all faults
    before.
    """
    _check_sites(sites)
    members = roster(network)
    runtime = resolved(runtime)
    keys = allocate_keys(network, runtime)
    constants = with_defaults(runtime, CompiledProfile.TEST)
    written = planned_runtime(runtime, constants)
    shares = stake_shares(network, written, keys)
    identities = {member.id: libp2p_keypair_from_seed(f"{seed}:{member.id}") for member in members}
    addresses = {
        member.id: multiaddress(sites[member.id], identities[member.id].peer_id) for member in members
    }
    extra = (*engine_arguments, *(word for id in filtered_log_ids for word in ("-start-filtered-logs", id)))
    shared_files = (
        PlannedFile(RUNTIME_FILE, _runtime_document(written, runtime, network)),
        *(PlannedFile(f"{GENESIS_DIRECTORY}/{name}", data) for name, data in (genesis_files or {}).items()),
    )

    nodes = []
    for member in members:
        site, key, peers = sites[member.id], keys.get(member.id), _peers(member, members)
        if member.role is Role.ARCHIVE_NODE and site.archive_address is None:
            raise ConfigError(
                f"{member.id} needs an archive process, which the chosen engine does not run. Leave "
                f"archive_nodes out, or choose another engine."
            )
        nodes.append(
            PlannedNode(
                id=member.id,
                role=member.role,
                site=site,
                peer_address=addresses[member.id],
                peers=peers,
                public_key=key.public if key else None,
                stake_share=shares.get(member.id, 0.0),
                arguments=daemon_arguments(
                    network,
                    member,
                    site,
                    peers=[addresses[peer] for peer in peers],
                    public_key=key.public if key else None,
                    extra=(*genesis_arguments(site), *extra) if genesis_files else extra,
                ),
                environment=_environment(network, member),
                files=(*shared_files, *_key_files(seed, member, key, identities[member.id])),
                daemon=member.settings.daemon,
                resources=member.settings.resources,
                companions=companions(network, member, site, proof_level=constants.proof_level),
            )
        )
    return DeploymentPlan(
        network=network,
        runtime=written,
        constants=network_constants(constants, network),
        nodes=tuple(nodes),
        genesis_file=GENESIS_FILE,
    )


def network_constants(constants: Constants, network: NetworkConfig) -> NetworkConstants:
    """What waits and validators must know of a network's constants."""
    return NetworkConstants(
        slot_ms=constants.slot_ms,
        k=constants.k,
        delta=constants.delta,
        slots_per_epoch=constants.slots_per_epoch,
        slots_per_sub_window=constants.slots_per_sub_window,
        sub_windows_per_window=constants.sub_windows_per_window,
        grace_period_slots=constants.grace_period_slots,
        profile=network.profile,
    )


def planned_runtime(runtime: RuntimeConfig, constants: Constants) -> RuntimeConfig:
    """The configuration as nodes get it: every constant written out, no private key, no genesis time.

    So nothing depends on what the daemon was compiled for. A genesis time of the user's is dropped: the
    executive writes its own at the start.
    """
    full = effective(runtime, constants)
    assert full.genesis is not None
    return msgspec.structs.replace(
        full,
        genesis=msgspec.structs.replace(full.genesis, genesis_state_timestamp=None),
        ledger=_planned_ledger(full.ledger, constants) if full.ledger else None,
        epoch_data=_planned_epoch_data(full.epoch_data) if full.epoch_data else None,
    )


def stake_shares(
    network: NetworkConfig, runtime: RuntimeConfig, keys: Mapping[NodeId, AllocatedKey]
) -> Mapping[NodeId, float]:
    """Each block producer's share of the stake of epoch 0: balances delegated to its key, of the total.

    Where a hash hides the stakes all producers count as equal.
    """
    producers = [member.id for member in roster(network) if member.role is Role.BLOCK_PRODUCER]
    stakes = stake_by_key(runtime)
    if stakes is None:
        return dict.fromkeys(producers, 1 / len(producers)) if producers else {}
    total = sum(stakes.values())
    return {id: stakes.get(keys[id].public, 0) / total if total else 0.0 for id in producers}


def _planned_ledger(ledger: GenesisLedger, constants: Constants) -> GenesisLedger:
    if ledger.accounts is None:
        return ledger
    accounts = without_secrets(ledger.accounts)
    winner = genesis_winner()
    wanted = (
        constants.proof_level == "full" if ledger.add_genesis_winner is None else ledger.add_genesis_winner
    )
    if wanted and all(account.pk != winner for account in accounts):
        accounts = (Account(pk=winner, balance=_GENESIS_WINNER_BALANCE), *accounts)
    return msgspec.structs.replace(ledger, accounts=accounts, add_genesis_winner=False)


def _planned_epoch_data(data: EpochData) -> EpochData:
    return EpochData(
        staking=_planned_epoch_ledger(data.staking),
        next=_planned_epoch_ledger(data.next) if data.next else None,
    )


def _planned_epoch_ledger(ledger: EpochLedger) -> EpochLedger:
    if ledger.accounts is None:
        return ledger
    return msgspec.structs.replace(ledger, accounts=without_secrets(ledger.accounts))


def _runtime_document(written: RuntimeConfig, asked: RuntimeConfig, network: NetworkConfig) -> bytes:
    """The file that every node gets, with the fields that the user keeps without our knowing them."""
    if not network.kept:
        return encode(written)
    document = json.loads(encode(written))
    put_back(document, network.kept, accounts_before=_account_count(written) - _account_count(asked))
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()


def _account_count(runtime: RuntimeConfig) -> int:
    return len((runtime.ledger.accounts if runtime.ledger else None) or ())


def _check_sites(sites: Mapping[NodeId, NodeSite]) -> None:
    """An engine's mistake, or a user's who fixed ports: two listeners on one."""
    users: dict[tuple[str, int], str] = {}
    faults = []
    for id, site in sites.items():
        for kind, port in (
            ("client", site.client_port),
            ("rest", site.rest_port),
            ("external", site.external_port),
        ):
            user = users.setdefault((site.host, port), f"the {kind} port of {id}")
            if user != f"the {kind} port of {id}":
                faults.append(
                    Fault(
                        (str(id),), f"a {kind} port of its own on {site.host}", f"{port}, which is {user} too"
                    )
                )
    if faults:
        raise FaultyConfigError(faults)


def _peers(member: Member, members: Sequence[Member]) -> tuple[NodeId, ...]:
    if member.settings.peers is not None:
        return tuple(NodeId(peer) for peer in member.settings.peers)
    return tuple(other.id for other in members if other.role is Role.SEED and other.id != member.id)


def _environment(network: NetworkConfig, member: Member) -> Mapping[str, str]:
    passwords = {"MINA_LIBP2P_PASS": _PASSWORD}
    if member.role is Role.BLOCK_PRODUCER:
        passwords["MINA_PRIVKEY_PASS"] = _PASSWORD
    return {"CODA_PROFILE": network.profile, **passwords, **member.settings.environment}


def _key_files(
    seed: int, member: Member, key: AllocatedKey | None, identity: Libp2pKeypair
) -> tuple[PlannedFile, ...]:
    """Secret boxes whose salt and nonce come from the seed: throw-away keys under a public password."""

    def entropy(label: str) -> bytes:
        return blake2b(f"{seed}:{member.id}:{label}".encode(), digest_size=ENTROPY_BYTES).digest()

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

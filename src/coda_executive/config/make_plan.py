"""From what a test asks for to a deployment plan. Pure: the same inputs give the same plan, byte for byte."""

import json
from collections.abc import Mapping, Sequence

import msgspec

from coda_executive.config.daemon_args import (
    GENESIS_DIRECTORY,
    GENESIS_FILE,
    RUNTIME_FILE,
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
    Role,
)
from coda_executive.config.plan_node import peer_address, plan_node
from coda_executive.config.roster import Member, roster
from coda_protocol.constants import CompiledProfile, Constants, effective, with_defaults
from coda_protocol.currency import Balance
from coda_protocol.runtime_config import (
    Account,
    EpochData,
    EpochLedger,
    GenesisLedger,
    RuntimeConfig,
    encode,
)

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
    addresses = {member.id: peer_address(member.id, sites[member.id], seed=seed) for member in members}
    extra = (*engine_arguments, *(word for id in filtered_log_ids for word in ("-start-filtered-logs", id)))
    shared_files = (
        PlannedFile(RUNTIME_FILE, _runtime_document(written, runtime, network)),
        *(PlannedFile(f"{GENESIS_DIRECTORY}/{name}", data) for name, data in (genesis_files or {}).items()),
    )

    nodes = [
        plan_node(
            network,
            member,
            sites[member.id],
            peers={peer: addresses[peer] for peer in _peers(member, members)},
            key=keys.get(member.id),
            stake_share=shares.get(member.id, 0.0),
            seed=seed,
            extra_arguments=extra,
            shared_files=shared_files,
            proof_level=constants.proof_level,
        )
        for member in members
    ]
    return DeploymentPlan(
        network=network,
        runtime=written,
        constants=network_constants(constants, network),
        nodes=tuple(nodes),
        genesis_file=GENESIS_FILE,
        shared_files=shared_files,
        extra_arguments=extra,
    )


def network_constants(constants: Constants, network: NetworkConfig) -> NetworkConstants:
    """What waits and validators must know of a network's constants."""
    fork = constants.fork
    return NetworkConstants(
        slot_ms=constants.slot_ms,
        k=constants.k,
        delta=constants.delta,
        slots_per_epoch=constants.slots_per_epoch,
        slots_per_sub_window=constants.slots_per_sub_window,
        sub_windows_per_window=constants.sub_windows_per_window,
        grace_period_slots=constants.grace_period_slots,
        profile=network.profile,
        genesis_height=1 if fork is None else fork.blockchain_length + 1,
        genesis_slot=0 if fork is None else fork.global_slot_since_genesis,
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

"""Deployment plans."""

import json
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise

import msgspec
import pytest
from tests.coda_executive.config.networks import TWO_PRODUCERS, even_stakes, planned, sites_of

from coda_executive.config.fault import FaultyConfigError
from coda_executive.config.make_plan import make_plan
from coda_executive.config.network import (
    ArchiveNodes,
    BlockProducerFlags,
    BlockProducers,
    NetworkConfig,
    NodeSettings,
    SnarkCoordinatorFlags,
    SnarkCoordinators,
)
from coda_executive.config.plan import PlannedNode, Role
from coda_executive.config.plan_document import plan_diff, plan_document
from coda_executive.config.plan_summary import plan_summary
from coda_executive.config.roster import node_names
from coda_executive.errors import ConfigError
from coda_protocol.constants import CompiledProfile, with_defaults
from coda_protocol.currency import Balance, Fee
from coda_protocol.genesis_ledgers import sample_account
from coda_protocol.key_files import read_libp2p_key, read_private_key
from coda_protocol.runtime_config import (
    EpochData,
    EpochLedger,
    GenesisLedger,
    GenesisSection,
    ProofSection,
    RuntimeConfig,
    parse,
)
from coda_protocol.sample_keys import sample_keypair
from coda_protocol.timestamp import Timestamp

EVERY_ROLE = NetworkConfig(
    block_producers=BlockProducers(2),
    snark_coordinators=SnarkCoordinators(1),
    archive_nodes=ArchiveNodes(1),
    seeds=2,
    plain_nodes=1,
)


def value_of(node: PlannedNode, flag: str) -> str:
    return node.arguments[node.arguments.index(flag) + 1]


def values_of(node: PlannedNode, flag: str) -> list[str]:
    return [value for name, value in zip(node.arguments, node.arguments[1:], strict=False) if name == flag]


def test_nodes_are_named_by_role_and_number() -> None:
    assert node_names(EVERY_ROLE) == (
        "seed-1",
        "seed-2",
        "block-producer-1",
        "block-producer-2",
        "snark-coordinator-1",
        "archive-node-1",
        "node-1",
    )


def test_a_name_of_the_users_replaces_the_usual_one() -> None:
    network = replace(TWO_PRODUCERS, nodes={"block-producer-2": NodeSettings(name="whale")})
    assert node_names(network) == ("seed-1", "block-producer-1", "whale")


def test_the_same_inputs_give_the_same_plan_and_another_seed_other_identities() -> None:
    assert planned(TWO_PRODUCERS) == planned(TWO_PRODUCERS)
    assert (
        planned(TWO_PRODUCERS).nodes[0].peer_address != planned(TWO_PRODUCERS, seed=2).nodes[0].peer_address
    )


def test_a_producers_command_line() -> None:
    seed, producer, _ = planned(TWO_PRODUCERS).nodes
    assert producer.role is Role.BLOCK_PRODUCER
    assert producer.arguments == (
        *("-config-directory", "/run/nodes/block-producer-1/config"),
        *("-config-file", "/run/nodes/block-producer-1/runtime_config.json"),
        *("-config-file", "/run/nodes/block-producer-1/genesis.json"),
        *("-log-json", "-log-level", "Trace"),
        *("-log-snark-work-gossip", "true", "-log-txn-pool-gossip", "true"),
        *("-client-port", "20003", "-rest-port", "20004", "-external-port", "20005"),
        *("-external-ip", "127.0.0.1", "-bind-ip", "127.0.0.1"),
        *("-libp2p-keypair", "/run/nodes/block-producer-1/keys/libp2p"),
        *("-peer", seed.peer_address),
        *("-block-producer-key", "/run/nodes/block-producer-1/keys/block-producer"),
    )
    assert producer.environment["CODA_PROFILE"] == "dev"
    assert set(producer.environment) == {"CODA_PROFILE", "MINA_LIBP2P_PASS", "MINA_PRIVKEY_PASS"}


def test_seeds_know_each_other_and_everybody_else_knows_the_seeds() -> None:
    network = replace(EVERY_ROLE, archive_nodes=ArchiveNodes(0))
    first, second, *others = planned(network).nodes
    assert first.peers == (second.id,)
    assert second.peers == (first.id,)
    assert "-seed" in first.arguments
    for other in others:
        assert "-seed" not in other.arguments
        assert values_of(other, "-peer") == [first.peer_address, second.peer_address]


def test_a_topology_of_the_users_replaces_the_seeds() -> None:
    network = replace(TWO_PRODUCERS, nodes={"block-producer-2": NodeSettings(peers=("block-producer-1",))})
    _, first, second = planned(network).nodes
    assert second.peers == (first.id,)
    assert values_of(second, "-peer") == [first.peer_address]


def test_flags_belong_to_the_node_in_their_place() -> None:
    receiver = str(sample_keypair(9).public)
    network = NetworkConfig(
        block_producers=BlockProducers(2, (BlockProducerFlags(coinbase_receiver=receiver),)),
        snark_coordinators=SnarkCoordinators(
            2, flags=(SnarkCoordinatorFlags(Fee.of_coda("0.5"), 1000, "seq"),)
        ),
    )
    _, first, second, busy, usual = planned(network).nodes
    assert value_of(first, "-coinbase-receiver") == receiver
    assert "-coinbase-receiver" not in second.arguments
    names = ("-snark-worker-fee", "-work-reassignment-wait", "-work-selection")
    assert [value_of(busy, name) for name in names] == ["0.5", "1000", "seq"]
    assert [value_of(usual, name) for name in names] == ["0.025", "420000", "rand"]
    assert value_of(usual, "-run-snark-coordinator") == usual.public_key


def test_each_coordinator_has_its_workers_beside_it() -> None:
    network = NetworkConfig(
        block_producers=BlockProducers(1),
        snark_coordinators=SnarkCoordinators(2, workers_per_coordinator=2),
    )
    runtime = msgspec.structs.replace(even_stakes(5), proof=ProofSection(level="check"))
    plan = planned(network, runtime)
    _, producer, first, second = plan.nodes
    assert producer.companions == ()
    assert [worker.id for node in (first, second) for worker in node.companions] == [
        *("snark-coordinator-1-worker-1", "snark-coordinator-1-worker-2"),
        *("snark-coordinator-2-worker-1", "snark-coordinator-2-worker-2"),
    ]
    worker = second.companions[1]
    assert worker.arguments == (
        *("internal", "snark-worker", "-daemon-address", f"127.0.0.1:{second.site.client_port}"),
        *("-proof-level", "check", "-shutdown-on-disconnect", "false"),
    )
    assert (worker.log_name, dict(worker.environment)) == ("worker-2.log", {"CODA_PROFILE": "dev"})
    assert "snark-coordinator-2-worker-2: DAEMON internal snark-worker" in plan_summary(plan)
    assert (
        json.loads(plan_document(plan))["nodes"][second.id]["companions"][worker.id]["log"] == "worker-2.log"
    )


def test_settings_of_a_node_come_after_ours() -> None:
    settings = NodeSettings(
        daemon="/opt/mina", arguments=("-max-connections", "5"), environment={"RAYON_NUM_THREADS": "1"}
    )
    network = replace(TWO_PRODUCERS, nodes={"block-producer-1": settings})
    node = make_plan(
        network, even_stakes(2), sites_of(network), seed=1, engine_arguments=["-insecure-rest-server"]
    ).nodes[1]
    assert node.arguments[-3:] == ("-insecure-rest-server", "-max-connections", "5")
    assert node.environment["RAYON_NUM_THREADS"] == "1"
    assert node.daemon == "/opt/mina"


def test_event_ids_to_capture_are_given_to_every_node() -> None:
    plan = make_plan(
        TWO_PRODUCERS, even_stakes(2), sites_of(TWO_PRODUCERS), seed=1, filtered_log_ids=["aa", "bb"]
    )
    assert all(values_of(node, "-start-filtered-logs") == ["aa", "bb"] for node in plan.nodes)


def test_key_files_open_with_the_passwords_of_the_environment() -> None:
    producer = planned(TWO_PRODUCERS).nodes[1]
    files = {file.path: file for file in producer.files}
    private = read_private_key(
        files["keys/block-producer"].content, producer.environment["MINA_PRIVKEY_PASS"]
    )
    identity = read_libp2p_key(files["keys/libp2p"].content, producer.environment["MINA_LIBP2P_PASS"])
    assert str(private.public_key()) == producer.public_key
    assert producer.peer_address.endswith(f"/p2p/{identity.peer_id}")
    assert files["keys/block-producer"].mode == files["keys/libp2p"].mode == 0o600


def test_no_secret_is_an_argument_or_in_a_file_that_others_may_read() -> None:
    plan = planned(EVERY_ROLE_BUT_ARCHIVE)
    secrets = [sample_keypair(index).private.reveal() for index in range(1, 6)]
    for node in plan.nodes:
        open_text = " ".join(node.arguments) + "".join(
            file.content.decode() for file in node.files if file.mode & 0o077
        )
        assert not any(secret in open_text for secret in secrets)
        assert node.environment["MINA_LIBP2P_PASS"] not in open_text


EVERY_ROLE_BUT_ARCHIVE = replace(EVERY_ROLE, archive_nodes=ArchiveNodes(0))


def test_the_runtime_file_has_every_constant_and_no_genesis_time() -> None:
    runtime = RuntimeConfig(
        genesis=GenesisSection(k=5, genesis_state_timestamp=Timestamp.of_text("2024-05-01T12:00:00Z")),
        proof=ProofSection(block_window_duration_ms=2000, level="none"),
        ledger=even_stakes(2).ledger,
    )
    plan = planned(TWO_PRODUCERS, runtime)

    [file] = [file for file in plan.nodes[0].files if file.path == "runtime_config.json"]
    written = parse(file.content)

    assert written == plan.runtime
    constants = with_defaults(written, CompiledProfile.MAINNET)
    assert (constants.k, constants.slots_per_epoch, constants.slot_ms) == (5, 480, 2000)
    assert constants.genesis_ms is None
    assert (plan.constants.k, plan.constants.slot_ms, plan.constants.profile) == (5, 2000, "dev")
    assert written.ledger is not None
    assert written.ledger.add_genesis_winner is False


def test_at_proof_level_full_the_genesis_winner_is_written_at_position_0() -> None:
    runtime = RuntimeConfig(proof=ProofSection(level="full"), ledger=even_stakes(2).ledger)
    ledger = planned(TWO_PRODUCERS, runtime).runtime.ledger
    assert ledger is not None
    addresses = [account.pk for account in ledger.accounts or ()]
    assert addresses == [str(sample_keypair(index).public) for index in (0, 1, 2)]
    assert ledger.add_genesis_winner is False


def test_stake_shares_count_delegations_of_the_epoch_that_runs_first() -> None:
    balance = Balance.of_coda("100")
    accounts = (
        sample_account(1, balance),
        sample_account(2, balance),
        sample_account(3, balance, delegate=2),
        sample_account(4, balance),
    )
    level = ProofSection(level="none")
    runtime = RuntimeConfig(proof=level, ledger=GenesisLedger(accounts=accounts))
    assert [node.stake_share for node in planned(TWO_PRODUCERS, runtime).nodes] == [0, 0.25, 0.5]

    staking = EpochLedger(accounts=accounts[:2])
    early = RuntimeConfig(
        proof=level, ledger=GenesisLedger(accounts=accounts), epoch_data=EpochData(staking=staking)
    )
    assert [node.stake_share for node in planned(TWO_PRODUCERS, early).nodes] == [0, 0.5, 0.5]


def test_an_archive_node_needs_an_engine_that_runs_archives() -> None:
    sites = sites_of(EVERY_ROLE)
    with pytest.raises(ConfigError, match="archive-node-1 needs an archive process"):
        make_plan(EVERY_ROLE, even_stakes(5), sites, seed=1)

    sites = {name: replace(site, archive_address="127.0.0.1:3086") for name, site in sites.items()}
    plan = make_plan(EVERY_ROLE, even_stakes(5), sites, seed=1)
    assert value_of(plan.nodes[5], "-archive-address") == "127.0.0.1:3086"
    assert plan.nodes[5].companions == ()  # an engine without a database for it runs the archive its own way


def test_an_archive_outlives_its_node_and_reads_the_same_configuration() -> None:
    sites = {
        name: replace(site, archive_address="127.0.0.1:4000", archive_uri="sqlite:///db")
        for name, site in sites_of(EVERY_ROLE).items()
    }
    plan = make_plan(EVERY_ROLE, even_stakes(5), sites, seed=1)

    node = plan.nodes[5]
    (archive,) = node.companions
    assert (archive.id, archive.role, archive.log_name) == (
        "archive-node-1-archive",
        "archive",
        "archive.log",
    )
    assert archive.outlives_node
    assert archive.arguments[:6] == (
        *("archive", "run", "-postgres-uri", "sqlite:///db"),
        *("-server-port", "4000"),
    )
    read = [word for flag, word in pairwise(archive.arguments) if flag == "-config-file"]
    assert read == [word for flag, word in pairwise(node.arguments) if flag == "-config-file"]
    assert [each.id for each in plan.nodes if archive in each.companions] == [node.id]


def test_two_nodes_on_one_port_are_refused() -> None:
    sites = sites_of(TWO_PRODUCERS)
    first, second, *_ = sites
    sites[second] = replace(sites[second], rest_port=sites[first].client_port)
    with pytest.raises(FaultyConfigError, match="20000, which is the client port of seed-1 too"):
        make_plan(TWO_PRODUCERS, even_stakes(2), sites, seed=1)


@pytest.mark.parametrize(
    ("host", "start"), [("::1", "/ip6/::1/tcp/"), ("seed.local", "/dns4/seed.local/tcp/")]
)
def test_addresses_may_be_ip6_or_names(host: str, start: str) -> None:
    plan = make_plan(TWO_PRODUCERS, even_stakes(2), sites_of(TWO_PRODUCERS, host), seed=1)
    assert plan.nodes[0].peer_address.startswith(start)
    assert ("-bind-ip" in plan.nodes[0].arguments) == (host == "::1")


def test_a_plans_document_is_json_without_secrets() -> None:
    plan = planned(TWO_PRODUCERS)
    text = plan_document(plan)
    document = json.loads(text)
    producer = document["nodes"]["block-producer-1"]
    assert producer["environment"] == {
        "CODA_PROFILE": "dev",
        "MINA_LIBP2P_PASS": "(hidden)",
        "MINA_PRIVKEY_PASS": "(hidden)",
    }
    assert producer["files"]["keys/block-producer"]["secret"] is True
    assert plan.nodes[1].environment["MINA_LIBP2P_PASS"] not in text
    assert document["runtime"]["genesis"]["k"] == 20


def test_the_diff_of_two_plans_shows_what_changed_and_nothing_else() -> None:
    before = planned(TWO_PRODUCERS)
    runtime = RuntimeConfig(genesis=GenesisSection(k=9), ledger=even_stakes(5).ledger)
    after = planned(TWO_PRODUCERS, runtime)
    assert plan_diff(before, before) == ""
    difference = plan_diff(before, after)
    assert '-      "k": 20,' in difference
    assert '+      "k": 9,' in difference
    assert "peer_address" not in difference


def test_a_plan_does_not_depend_on_the_hash_seed() -> None:
    script = (
        "from tests.coda_executive.config.networks import *\n"
        "from coda_executive.config.plan_document import plan_document\n"
        "print(plan_document(planned(TWO_PRODUCERS)))"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": "."},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1

import hashlib

import pytest

from coda_protocol import structured_events
from coda_protocol.log_message import placeholders
from coda_protocol.structured_events import BY_ID, BY_NAME, Level

# The table of daemon contract C.4: name, id, level.
CONTRACT = """
Block_produced 64e2d3e86c37c09b15efdaf7470ce879 Info
Starting_transition_frontier_controller 21ccae8c619bc2666474085272d5fe1d Info
Starting_bootstrap_controller 71ffcadd30ac8580104bbbccd7fb6b07 Info
Bootstrap_complete 10211dce99574d1627cf3c577abeaef8 Info
Snarked_ledger_synced 51975e9bb4d823183da96fe7e4d8437e Trace
Added_breadcrumb_user_commands db06cb5030f39e86e84b30d033f3bc5c Trace
Applying_diffs ef1182dc30f3e0aa9f6bf11c0ab90ba6 Trace
New_best_tip_event d5cd43b465d7dee8fa3413e5c7923698 Debug
Persisted_frontier_fresh_boot f7254e63ad51092a0bd3078580ef9ce3 Info
Persisted_frontier_loaded 1c4150aa7058a3058c4d20ae90ff7ec3 Trace
Transition_frontier_loaded_from_persistence b5a89d6d616a35fb6f73d1eaad6b2dbd Trace
Persisted_frontier_dropped 74a81f1e2f8d548e4550faa136c68160 Debug
Bootstrap_required 30fe76cee159ea215fc05549e861501e Info
Connecting b33df14370044a516f804ab21da1e040 Info
Listening 7be38951573bdc2778b4edb3eeb5dbe8 Info
Bootstrapping caeba1d8ced251138e39c58355587526 Info
Ledger_catchup 846106e2fdb13f36d0a597e099dd5f4b Info
Synced cb082b7eafe2a7ca2c6c1acba6664251 Info
Block_received 60076de624bf0c5fc0843b875001cf84 Info
Rebroadcast_transition 2ca90cb4875a68133de9952414d27519 Info
Gossip_new_state 2b4f8c8d8bc40e51e2d032dc43c45742 Trace
Transactions_received b4b5f5b1d1a0c457cbd13a35d1c8b57b Debug
Gossip_transaction_pool_diff 208db11514876b6a344987a502d6884e Trace
Snark_work_received 27953f46376ba8abc0c61400e2c38f8b Debug
Gossip_snark_pool_diff 922e82a3429b8eeb9405615531faaaf8 Trace
Rejecting_command_for_reason e5cd93b1ece597eaf4543e554e7e65d1 Error
Base_snark_generated 885328f9dca84fa1cfb99089080613d6 Info
Merge_snark_generated bcc5cf56ab582a129736e0906dea7cfa Info
Generating_snark_work_failed 0fc65f5594c5e9ee0b6f0ddde747c758 Error
Peer_banned 4d3d3e37e0365f1dbc6d35fddafeb77d Faulty_peer
"""

# Source paths from which the ids above follow by the rule of C.2.
PATHS = {
    "block_producer/block_producer.ml": ["Block_produced"],
    "transition_router/transition_router.ml": [
        "Starting_transition_frontier_controller",
        "Starting_bootstrap_controller",
    ],
    "bootstrap_controller/bootstrap_controller.ml": ["Bootstrap_complete"],
    "syncable_ledger/syncable_ledger.ml": ["Snarked_ledger_synced"],
    "transition_frontier/transition_frontier.ml": [
        "Added_breadcrumb_user_commands",
        "Applying_diffs",
        "Persisted_frontier_fresh_boot",
        "Persisted_frontier_loaded",
        "Transition_frontier_loaded_from_persistence",
        "Persisted_frontier_dropped",
        "Bootstrap_required",
    ],
    "mina_lib/mina_lib.ml": [
        "Connecting",
        "Listening",
        "Bootstrapping",
        "Ledger_catchup",
        "Synced",
        "Rebroadcast_transition",
    ],
    "mina_networking/mina_networking.ml": [
        "Gossip_new_state",
        "Gossip_transaction_pool_diff",
        "Gossip_snark_pool_diff",
    ],
    "transition_handler/block_sink.ml": ["Block_received"],
    "network_pool/transaction_pool.ml": ["Rejecting_command_for_reason"],
    "network_pool/snark_pool_diff.ml": ["Make.Snark_work_received"],
    "snark_worker/functor.ml": ["Base_snark_generated", "Merge_snark_generated"],
    "snark_worker/snark_worker.ml": ["Worker.Generating_snark_work_failed"],
    "trust_system/peer_trust.ml": ["Log_events.Peer_banned"],
}


def test_every_event_of_the_contract_has_its_id_and_level() -> None:
    rows = [tuple(line.split()) for line in CONTRACT.strip().splitlines()]

    assert [(event.name, event.id, event.level.text) for event in BY_NAME.values()] == rows


def test_every_constant_is_in_both_tables() -> None:
    constants = [
        value for name, value in vars(structured_events).items() if name.isupper() and hasattr(value, "id")
    ]

    assert sorted(event.name for event in constants) == sorted(BY_NAME)
    assert {event.id for event in constants} == set(BY_ID)


@pytest.mark.parametrize(("path", "names"), PATHS.items())
def test_an_id_is_the_md5_of_path_and_constructor(path: str, names: list[str]) -> None:
    for name in names:
        digest = hashlib.md5(f"src/lib/{path}.{name}".encode(), usedforsecurity=False).hexdigest()
        assert BY_ID[digest].name == name.rpartition(".")[2]


def test_every_placeholder_of_a_message_is_a_field() -> None:
    for event in BY_NAME.values():
        assert set(placeholders(event.message)) <= set(event.fields), event.name


def test_levels_are_ordered_and_found_in_any_case() -> None:
    assert list(Level) == sorted(Level)
    assert Level.of_text("faulty_PEER") is Level.FAULTY_PEER
    assert Level.WARN < Level.of_text("Error") < Level.FATAL


def test_an_unknown_level_is_refused_with_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"Internal, Spam, .*Fatal\), got 'Notice'"):
        Level.of_text("Notice")

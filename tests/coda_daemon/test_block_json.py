import msgspec
from tests.coda_daemon.chain_testbed import GENESIS_MS, SLOT_MS, chain, genesis_of, key, make_config
from tests.coda_daemon.commands_testbed import payment

from coda_daemon.block_json import (
    breadcrumb_json,
    command_json,
    diffs_json,
    fee_payer_summary,
    transitions_json,
)
from coda_daemon.blocks import Included
from coda_daemon.frontier.frontier import BestTipChange, Diff, RootTransition
from coda_daemon.ledger.transactions import Failure
from coda_protocol.hashes import StateHash

GENESIS = genesis_of(make_config(1000))
CONSTANTS = GENESIS.rules.constants
[FIRST, BUILT] = chain(GENESIS, 2)
BLOCK = BUILT.block


def test_breadcrumb_has_the_members_of_the_contract() -> None:
    """C.3: numbers as decimal text, hashes as base58, and all that a reader may look for."""
    shown = breadcrumb_json(BLOCK, CONSTANTS, received_ns=1_714_564_805_120_000_000)
    breadcrumb = msgspec.json.decode(msgspec.json.encode(shown))

    assert breadcrumb["just_emitted_a_proof"] is False
    assert breadcrumb["transition_receipt_time"] == "2024-05-01 12:00:05.120000Z"
    transition = breadcrumb["validated_transition"]
    assert transition["hash"] == {"state_body_hash": BLOCK.body_hash, "state_hash": BLOCK.state_hash}
    state = transition["data"]["protocol_state"]
    assert state["previous_state_hash"] == FIRST.block.state_hash
    assert state["body"]["genesis_state_hash"] == GENESIS.block.state_hash
    assert state["body"]["blockchain_state"]["timestamp"] == str(GENESIS_MS + BLOCK.global_slot * SLOT_MS)
    consensus = state["body"]["consensus_state"]
    assert consensus["blockchain_length"] == "3"
    assert consensus["epoch_count"] == "0"
    assert consensus["curr_global_slot_since_hard_fork"] == {
        "slot_number": str(BLOCK.global_slot),
        "slots_per_epoch": "60",
    }
    assert consensus["block_creator"] == consensus["block_stake_winner"] == key(1)
    assert all(text.isdecimal() for text in consensus["sub_window_densities"])
    assert set(consensus["staking_epoch_data"]) == {
        "ledger",
        "seed",
        "start_checkpoint",
        "lock_checkpoint",
        "epoch_length",
    }
    assert state["body"]["constants"]["k"] == "6"


def test_diffs_are_objects_of_one_key_each() -> None:
    name = StateHash("3Nnew")
    root = RootTransition(StateHash("3Nroot"), (StateHash("3Ngarbage"),))

    assert msgspec.json.decode(diffs_json(Diff(name, None, None))) == [{"New_node": name}]
    assert msgspec.json.decode(diffs_json(Diff(name, BestTipChange(name, (), ()), root))) == [
        {"New_node": name},
        {"Best_tip_changed": name},
        {
            "Root_transitioned": {
                "new_root": "3Nroot",
                "garbage": ["3Ngarbage"],
                "just_emitted_a_proof": False,
            }
        },
    ]


def test_transitions_name_their_blocks() -> None:
    [transition] = msgspec.json.decode(transitions_json((BLOCK,), CONSTANTS))

    assert transition["state_hash"] == BLOCK.state_hash
    assert transition["just_emitted_a_proof"] is False
    assert transition["protocol_state"]["previous_state_hash"] == FIRST.block.state_hash


def test_what_nodes_tell_alike_is_made_once() -> None:
    name = StateHash("3Nnew")
    assert diffs_json(Diff(name, None, None)) is diffs_json(Diff(name, None, None))
    assert diffs_json(Diff(name, None, None)) != diffs_json(Diff(name, BestTipChange(name, (), ()), None))


def test_commands_are_shown_by_hash_and_fate() -> None:
    """C.3, transaction with status."""
    good, failed = payment(1, 2), payment(1, 3, 1, nonce=1)

    assert command_json(Included(good.id, None)) == {"data": good.hash, "status": ["Applied"]}
    assert command_json(Included(failed.id, Failure.AMOUNT_INSUFFICIENT_TO_CREATE_ACCOUNT)) == {
        "data": failed.hash,
        "status": ["Failed", [[["Amount_insufficient_to_create_account"]]]],
    }
    assert fee_payer_summary(good) == [str(good.signed.signature), key(1), "0"]

"""Defects of a network that goes on from a hard fork."""

from typing import Any

from tests.coda_executive.catalogue.defects_of_archive import ROWS, rows_with
from tests.coda_executive.catalogue.defects_of_chain import stakes_never_move
from tests.coda_executive.catalogue.defects_of_money import CHOOSE, FIND_ACCOUNT, NO_COMMANDS, without_account
from tests.coda_executive.catalogue.planted import Defect, answering
from tests.coda_executive.planting import Original

from coda_protocol.sample_keys import sample_keypair

FORK_SLOT = 500_000


def telling_slots_of_the_fork(original: Original, view: Any, block: Any) -> Any:
    return {**original(view, block), "slotSinceGenesis": str(block.global_slot)}


def next_stakes_at_once(_original: Original, state: Any, *_given: Any) -> Any:
    return state.next_epoch_data


def vesting_from_the_fork_on(original: Original, account: Any, slot: int) -> Any:
    return original(account, slot - FORK_SLOT)


DEFECTS = {
    "a fork takes no payments": Defect("hard-fork", "pay", CHOOSE, answering(()), NO_COMMANDS),
    "a fork proves nothing": Defect(
        "hard-fork",
        "ledger proof",
        "coda_daemon.snark.coordinator:Coordinator.next_work",
        answering(None),
        "no node offered any SNARK work",
    ),
    "a fork's slots start over": Defect(
        "hard-fork",
        "go on",
        "coda_daemon.graphql.blocks:_consensus_state",
        telling_slots_of_the_fork,
        "blocks that start over",
    ),
    "a fork begins with its second epoch": Defect(
        "hard-fork",
        "stake",
        ("coda_daemon.block_producer:staking_data_for", "coda_daemon.consensus.building:staking_data_for"),
        next_stakes_at_once,
        f"the first epoch has blocks of {{'{sample_keypair(2).public}'}}",
    ),
    "a fork stays in its first epoch": Defect(
        "hard-fork",
        "stake",
        "coda_daemon.consensus.building:advanced_epoch_data",
        stakes_never_move,
        f"the second epoch has a block of {sample_keypair(1).public}",
    ),
    "vesting starts over with a fork": Defect(
        "hard-fork",
        "vesting",
        "coda_daemon.ledger.account:Account.locked",
        vesting_from_the_fork_on,
        "locked is 1000000000000, not ",
    ),
    "a vesting account vanishes with a fork": Defect(
        "hard-fork",
        "vesting",
        FIND_ACCOUNT,
        without_account(10),
        f"the account {sample_keypair(10).public} is gone",
    ),
    "the archive of a fork has nonces wrong": Defect(
        "hard-fork", "replay", f"{ROWS}:_user_commands", rows_with(nonce=7), "the replay does not add up"
    ),
}

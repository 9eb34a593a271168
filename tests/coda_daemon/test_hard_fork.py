"""A network that goes on from another's last block (daemon contract B.1, `proof.fork`)."""

from typing import Any

import msgspec
import pytest
from tests.coda_daemon.chain_testbed import World, chain, genesis_of, key, make_config, next_block
from tests.coda_daemon.commands_testbed import COIN, payment

from coda_daemon.block_json import protocol_state_json
from coda_daemon.consensus.building import validated
from coda_daemon.genesis import Genesis
from coda_daemon.genesis_ledgers import GenesisError
from coda_daemon.ledger.transactions import RefusedError
from coda_daemon.mempool import Mempool, PoolRules, RejectedError, Rejection, View
from coda_daemon.sync_status import SyncStatus
from coda_protocol.currency import Amount, Balance
from coda_protocol.hash_text import state_hash
from coda_protocol.runtime_config import (
    Account,
    EpochData,
    EpochLedger,
    Fork,
    NumberText,
    RuntimeConfig,
    Timing,
)
from coda_protocol.signatures import TESTNET
from coda_protocol.slots import GlobalSlot

LAST = state_hash(7)
FORK = Fork(state_hash=LAST, blockchain_length=1000, global_slot_since_genesis=5000)


def config_with(**changes: Any) -> RuntimeConfig:
    config = make_config(1000, 500)
    assert config.proof is not None
    return msgspec.structs.replace(config, proof=msgspec.structs.replace(config.proof, **changes))


FORKED = genesis_of(config_with(fork=FORK))


def test_heights_and_slots_since_genesis_go_on_from_the_fork() -> None:
    block = FORKED.block
    assert block.previous_state_hash == LAST
    assert (block.blockchain_length, block.global_slot) == (1001, 0)
    assert block.consensus_state.global_slot_since_genesis == 5000

    for height, built in enumerate(chain(FORKED, 70), start=1002):
        state = msgspec.json.decode(protocol_state_json(built.block, FORKED.rules.constants))["body"][
            "consensus_state"
        ]
        assert state["blockchain_length"] == str(height)
        since_fork = int(state["curr_global_slot_since_hard_fork"]["slot_number"])
        assert state["global_slot_since_genesis"] == str(5000 + since_fork)
        assert state["epoch_count"] == str(since_fork // 60), "epochs begin anew"


def test_another_fork_is_another_network() -> None:
    other = Fork(state_hash=LAST, blockchain_length=1000, global_slot_since_genesis=5001)
    chain_ids = {genesis_of(config_with(fork=fork)).chain_id for fork in (None, FORK, other)}
    assert len(chain_ids) == 3


def test_commands_expire_by_the_slot_since_genesis() -> None:
    first = chain(FORKED, 1)[0]
    slot = first.block.consensus_state.global_slot_since_genesis
    with pytest.raises(RefusedError, match="Expired"):
        next_block(FORKED, FORKED.built, commands=[payment(1, 2, until=slot - 1)])
    built = next_block(FORKED, FORKED.built, commands=[payment(1, 2, until=slot)])
    validated(built.block, FORKED.built, FORKED.rules)

    pool = Mempool(PoolRules(10, 1, TESTNET, None))
    view = View(FORKED.ledger, GlobalSlot(slot))
    with pytest.raises(RejectedError) as rejected:
        pool.add(payment(1, 2, until=4999), view)
    assert rejected.value.reason is Rejection.EXPIRED


def test_vesting_goes_on_over_the_fork() -> None:
    """What a cliff in the old chain's slots has freed can be spent at once."""

    def genesis(cliff: int) -> Genesis:
        timing = Timing(
            initial_minimum_balance=Balance(1000 * COIN),
            cliff_time=NumberText(cliff),
            cliff_amount=Amount(1000 * COIN),
            vesting_period=NumberText(1),
            vesting_increment=Amount(0),
        )
        config = config_with(fork=FORK)
        assert config.ledger is not None
        accounts = (
            Account(pk=key(1), balance=Balance(1000 * COIN), timing=timing),
            *(config.ledger.accounts or ())[1:],
        )
        ledger = msgspec.structs.replace(config.ledger, accounts=accounts)
        return genesis_of(msgspec.structs.replace(config, ledger=ledger))

    free, locked = genesis(4000), genesis(1_000_000)
    assert next_block(free, free.built, commands=[payment(1, 2)]).block.body.commands
    with pytest.raises(RefusedError, match="Insufficient_funds"):
        next_block(locked, locked.built, commands=[payment(1, 2)])


def test_nodes_agree_on_the_chain_after_the_fork_with_epoch_ledgers_and_seeds_of_its_own() -> None:
    """Only key 3 has stake in epoch 0 and only key 4 in epoch 1, whatever the ledger says."""
    seed = "2vaRh7FQ5wSzmpFReF9gcRKjv48CcJvHs25aqb3SSZiPgHQBy5Dt"
    stakes = [
        EpochLedger(accounts=(Account(pk=key(index), balance=Balance(COIN)),), seed=seed) for index in (3, 4)
    ]
    config = msgspec.structs.replace(
        config_with(fork=FORK), epoch_data=EpochData(staking=stakes[0], next=stakes[1])
    )
    world = World(genesis_of(config))
    assert world.genesis.block.consensus_state.staking_epoch_data.seed == seed
    sites = [world.site(f"producer {number}", is_seed=number == 3, producer=number) for number in (3, 4)]

    async def body() -> None:
        for site in sites:
            site.start()
        await world.until_slot(100)
        paths = [site.node.best_path() for site in sites]
        assert paths[0][-1].state_hash == paths[1][-1].state_hash
        path = paths[0]
        assert path[-1].blockchain_length > 1050
        creators = {(block.global_slot // 60, block.creator) for block in path[1:]}
        assert creators <= {(0, key(3)), (1, key(4))}
        assert (1, key(4)) in creators
        view = sites[0].node.pool_view
        assert view is not None
        assert view.slot == 5000 + sites[0].node.slot_now

    world.run(body)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"state_hash": "3NK"}, "proof.fork.state_hash"),
        ({"blockchain_length": -1}, "proof.fork.blockchain_length: expected 0 to"),
        ({"global_slot_since_genesis": 2**32}, "proof.fork.global_slot_since_genesis: expected 0 to"),
    ],
)
def test_a_fork_that_cannot_be_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(GenesisError, match=message):
        genesis_of(config_with(fork=msgspec.structs.replace(FORK, **change)))


def test_genesis_after_a_fork_is_no_sign_of_life() -> None:
    """Though it is high above zero: a network in which nothing was produced yet listens."""
    world = World(FORKED)
    sites = [world.site("seed", is_seed=True), world.site("node")]

    async def body() -> None:
        sites[0].start()
        await world.until_slot(2)
        sites[1].start()
        await world.until_slot(5)
        assert [site.node.sync_status for site in sites] == [SyncStatus.LISTENING] * 2

    world.run(body)

"""Nodes at proof level check, where scan states travel and are kept as transactions."""

from tests.coda_daemon.chain_testbed import Site, World, genesis_of, key, make_config, tips
from tests.coda_daemon.node_worlds import assert_no_complaints

from coda_daemon.block_producer import Producer
from coda_daemon.node import NodeOptions
from coda_protocol.sample_keys import sample_keypair
from coda_protocol.structured_events import BOOTSTRAP_COMPLETE, STARTING_BOOTSTRAP_CONTROLLER


def traces(site: Site) -> list[bytes]:
    """What proofs of the open work follow from."""
    return [job.trace for bundle in site.node.snark.open_work() for job in bundle.jobs]


def test_bootstrapped_and_restarted_nodes_judge_work_like_those_that_applied_every_block() -> None:
    world = World(genesis_of(make_config(1000, k=3, level="check")))
    maker, late = world.site("maker", is_seed=True), world.site("late")
    maker._options = NodeOptions(is_seed=True, producer=Producer(key(1), None, keypair=sample_keypair(1)))

    async def body() -> None:
        maker.start()
        await world.until_slot(20)
        late.start()
        await world.until_slot(26)
        assert late.log.events(BOOTSTRAP_COMPLETE)
        assert len(tips([maker, late])) == 1
        assert traces(late) == traces(maker)
        assert all(traces(late))

        await late.kill()
        late.start()
        await world.until_slot(32)
        assert not late.log.events(STARTING_BOOTSTRAP_CONTROLLER)
        assert len(tips([maker, late])) == 1
        assert traces(late) == traces(maker) != []
        assert_no_complaints([maker, late])

    world.run(body)

"""Faults on real processes, by whole runs."""

from collections.abc import Callable

import pytest
from tests.coda_executive.runs.conftest import Finished

pytestmark = pytest.mark.real


def test_real_daemons_split_and_come_together_again(
    executive: Callable[..., Finished], write_test: Callable[..., str]
) -> None:
    """Partition, bad links, kill with an empty disk, pause, gating and a broken connection, one after the other."""
    target = write_test(
        """
        nodes = dsl.testnet.nodes
        first, second = dsl.testnet.block_producers
        def tip(node): return dsl.state.node(node.id).best_tip
        await dsl.wait_for(nodes_to_initialize(nodes))
        await dsl.wait_for(block_height_to_grow(2))
        async with dsl.nemesis.applied(Partition("isolated", "block-producer-1")):
            await dsl.wait_for(blocks_to_be_produced(5), since=dsl.cursor())
            assert tip(first) != tip(second)
        await dsl.wait_for(nodes_to_synchronize(nodes))
        async with dsl.nemesis.applied(SlowLinks("all", LinkShape(delay=0.05, jitter=0.1, loss=0.1))):
            await dsl.wait_for(block_height_to_grow(2), since=dsl.cursor())
        async with dsl.nemesis.applied(Kill("block-producer-2", fresh_state=True)):
            async with dsl.nemesis.applied(Pause("seed-1")):
                await dsl.wait_for(block_height_to_grow(1), since=dsl.cursor())
        await dsl.wait_for(nodes_to_initialize(nodes))
        async with dsl.nemesis.applied(GatedPartition("isolated", "block-producer-2")):
            await dsl.wait_for(blocks_to_be_produced(4), since=dsl.cursor())
            assert tip(first) != tip(second)
            assert await second.client.peers() == ()
        await dsl.wait_for(nodes_to_synchronize(nodes))
        async with dsl.nemesis.applied(ResetConnections("all")):
            pass
        await dsl.nemesis.prove_healed()
        await dsl.wait_for(nodes_to_initialize(nodes))
        await dsl.wait_for(block_height_to_grow(2), since=dsl.cursor())
        await dsl.wait_for(nodes_to_synchronize(nodes))
        """,
        settings="**SMALL, needs=(Partitionable, LinkShapeable, Resettable, Killable, Pausable)",
    )

    done = executive("run", target, "--engine", "local", seconds=110)

    assert done.code == 0, done.out
    assert "Exception" not in done.out


def test_a_fault_whose_need_the_test_does_not_name_is_told(
    executive: Callable[..., Finished], write_test: Callable[..., str]
) -> None:
    """Links have proxies only where a test asks for them."""
    target = write_test(
        """
        async with dsl.nemesis.applied(Partition("halves")):
            pass
        """
    )

    done = executive("run", target, "--engine", "local")

    assert done.code == 1
    assert "it is not Partitionable on this engine. List it in the test's `needs`" in done.out

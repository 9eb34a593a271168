"""A fault schedule with what must come before and after it: faults, a heal phase, and proof of life."""

from coda_executive.dsl.dsl import Dsl
from coda_executive.nemesis.schedule import Schedule
from coda_executive.wait_conditions.chain import block_height_to_grow, nodes_to_synchronize
from coda_executive.wait_conditions.initialization import nodes_to_initialize


async def endure(dsl: Dsl, schedule: Schedule, *, growth: int = 2) -> None:
    """Apply a schedule, heal and prove it; then all nodes must be initialised, the chain must grow by so many
    blocks, and all nodes must follow it.

    A failure in "faults and healing" is the infrastructure's or a daemon that ended over what it should bear;
    one in "liveness" is a network that does not recover.
    """
    nodes = dsl.testnet.nodes
    with dsl.section("faults and healing", hard=True):
        await dsl.nemesis.run(schedule)
    with dsl.section("liveness"):
        await dsl.wait_for(nodes_to_initialize(nodes))
        await dsl.wait_for(block_height_to_grow(growth), since=dsl.cursor())
        await dsl.wait_for(nodes_to_synchronize(nodes))

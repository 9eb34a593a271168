"""When genesis shall be: so late that the nodes have started, and no later. Pure."""

import json

from coda_protocol.timestamp import Timestamp

# What the start of one reference daemon costs until it takes part, in starts of its bare program, and how much of that
# each node adds to every other by connecting to it. Measured with 2 to 50 nodes on two cores.
STARTS_PER_BOOT = 2.7
STARTS_PER_PEER = 0.02
# Slot 0 is the genesis block's: whoever takes part before slot 1 has lost nothing, and a node that is up before genesis
# only waits. So genesis is well before the expected end of the start, but never by more than half a slot of what
# a long start needs: the estimate of a long one is off by more.
EARLIEST = 0.5


def boot_allowance(
    *, cpu_seconds: float, slowdown: float, nodes: int, cores: int, slot_seconds: float
) -> float:
    """Seconds from the start of all nodes to genesis.

    `cpu_seconds` is what one start of the program costs, `slowdown` how much longer that took than it computed:
    other programs run here too.
    """
    starts = STARTS_PER_BOOT + STARTS_PER_PEER * nodes
    boot = starts * cpu_seconds * max(slowdown, nodes / cores)
    return max(EARLIEST * boot, boot - slot_seconds / 2)


def genesis_document(genesis_ms: int) -> bytes:
    """The configuration file that holds the genesis time and nothing else, to the millisecond (daemon
    contract B.1).
    """
    return json.dumps({"genesis": {"genesis_state_timestamp": Timestamp(genesis_ms).text}}).encode() + b"\n"

"""Networks of nodes fill slots, and producers get their share of them, as the stake says (daemon contract I.2)."""

from collections import Counter
from math import exp, lgamma, log

import pytest
from tests.coda_daemon.chain_testbed import World, genesis_of, key, make_config, tips

from coda_daemon.block_producer import Producer
from coda_daemon.node import NodeOptions
from coda_daemon.snark.work import ProofLevel
from coda_protocol.sample_keys import sample_keypair
from coda_protocol.structured_events import BLOCK_PRODUCED

UNEQUAL = {1: (1000,), 3: (700, 200, 100), 10: (400, 150, 100, 90, 80, 60, 50, 40, 20, 10)}


@pytest.mark.parametrize(
    ("level", "producers", "slots"),
    [("none", 1, 500), ("none", 3, 500), ("none", 10, 300), ("check", 1, 150), ("check", 3, 150)],
)
def test_slots_are_filled_and_shared_as_the_stake_says(level: ProofLevel, producers: int, slots: int) -> None:
    count_blocks(level, producers, slots)


@pytest.mark.long
@pytest.mark.parametrize("level", ["none", "check"])
@pytest.mark.parametrize("producers", [1, 3, 10])
def test_thousands_of_slots_are_filled_and_shared_as_the_stake_says(
    level: ProofLevel, producers: int
) -> None:
    count_blocks(level, producers, 3000)


def count_blocks(level: ProofLevel, producers: int, slots: int) -> None:
    """Each count is within what one in a million runs of the right lottery exceeds."""
    stakes = UNEQUAL[producers]
    world = World(genesis_of(make_config(*stakes, k=20, slots_per_epoch=90_000, level=level)))
    sites = []
    for number in range(1, producers + 1):
        site = world.site(f"producer {number}", is_seed=number == 1)
        site._options = NodeOptions(
            is_seed=number == 1, producer=Producer(key(number), None, keypair=sample_keypair(number))
        )
        sites.append(site)
    made: Counter[str] = Counter()
    filled: set[int] = set()

    async def body() -> None:
        for site in sites:
            site.start()
        await world.until_slot(slots)
        for site in sites:
            for record in site.log.records:
                if record.event_id == BLOCK_PRODUCED.id:
                    transition = record.metadata["breadcrumb"]["validated_transition"]["data"]
                    consensus = transition["protocol_state"]["body"]["consensus_state"]
                    made[consensus["block_creator"]] += 1
                    filled.add(int(consensus["curr_global_slot_since_hard_fork"]["slot_number"]))
        assert len(tips(sites)) == 1

    world.run(body)

    assert is_likely(len(filled), slots, 0.75)
    for number, stake in enumerate(stakes, start=1):
        assert is_likely(made[key(number)], slots, 1 - 0.25 ** (stake / sum(stakes))), (number, made)


def is_likely(count: int, trials: int, chance: float) -> bool:
    """Whether a count is in neither tail of the binomial distribution beyond 5·10⁻⁷."""
    lower = sum(_probability(n, trials, chance) for n in range(count + 1))
    upper = sum(_probability(n, trials, chance) for n in range(count, trials + 1))
    return min(lower, upper) > 5e-7


def _probability(count: int, trials: int, chance: float) -> float:
    ways = lgamma(trials + 1) - lgamma(count + 1) - lgamma(trials - count + 1)
    return exp(ways + count * log(chance) + (trials - count) * log(1 - chance))

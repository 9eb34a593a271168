"""A genesis ledger of 10,000 accounts, read from JSON and checked, and the plans of small and large networks.

The bar: the ledger in 0.3 s. The best of several rounds counts.
"""

import json
import sys
import tempfile
import timeit
from collections.abc import Callable
from hashlib import blake2b
from itertools import count, islice
from pathlib import Path

from coda_executive.config.files import load_runtime_config
from coda_executive.config.make_plan import make_plan
from coda_executive.config.network import BlockProducers, NetworkConfig
from coda_executive.config.plan import NodeSite
from coda_executive.config.roster import node_names
from coda_executive.config.validate import validate
from coda_protocol.currency import Balance
from coda_protocol.genesis_ledgers import named_ledger, sample_ledger
from coda_protocol.keys import PublicKey
from coda_protocol.pallas import has_point
from coda_protocol.runtime_config import RuntimeConfig, parse

ACCOUNTS = 10_000
BAR_SECONDS = 0.3


def run() -> list[str]:
    """Lines for people."""
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "runtime_config.json"
        file.write_bytes(large_ledger())
        checked = _best(lambda: load_runtime_config(file))
        parsed = _best(lambda: parse(file.read_bytes()))
    return [
        f"{ACCOUNTS} accounts parsed and checked   {checked * 1e3:7.1f} ms   bar {BAR_SECONDS * 1e3:g} ms",
        f"{ACCOUNTS} accounts as the daemon does   {parsed * 1e3:7.1f} ms",
        f"validate and plan,  3 producers  {_best(lambda: _plan(3)) * 1e3:8.1f} ms",
        f"validate and plan, 50 producers  {_best(lambda: _plan(50)) * 1e3:8.1f} ms",
    ]


def large_ledger() -> bytes:
    """A runtime configuration with 10,000 accounts, a tenth of them vesting, a tenth delegated."""
    # A scrambled x looks like one that came from a private key; half of them have a point.
    candidates = (int.from_bytes(blake2b(b"%d" % index, digest_size=31).digest()) for index in count())
    on_curve = islice(filter(has_point, candidates), ACCOUNTS)
    addresses = [str(PublicKey(x, is_odd=False)) for x in on_curve]
    timing = {
        "initial_minimum_balance": "900",
        "cliff_time": "20",
        "cliff_amount": "300",
        "vesting_period": "4",
        "vesting_increment": "50",
    }
    accounts = [
        {
            "pk": address,
            "sk": None,
            "balance": f"{1000 + index}.{index:05}",
            "delegate": addresses[0] if index % 10 == 1 else None,
            "timing": timing if index % 10 == 2 else None,
        }
        for index, address in enumerate(addresses)
    ]
    return json.dumps({"ledger": {"accounts": accounts}}, indent=2).encode()


def _plan(producers: int) -> None:
    network = NetworkConfig(block_producers=BlockProducers(producers))
    ledger = (
        named_ledger("testnet_postake_many_producers")
        if producers > 3
        else sample_ledger([Balance.of_coda("1000")] * 3)
    )
    runtime = RuntimeConfig(ledger=ledger)
    sites = {
        name: NodeSite("127.0.0.1", 20_000 + 3 * index, 20_001 + 3 * index, 20_002 + 3 * index, f"/n/{name}")
        for index, name in enumerate(node_names(network))
    }
    assert not validate(network, runtime)
    make_plan(network, runtime, sites, seed=1)


def _best(call: Callable[[], object]) -> float:
    return min(timeit.repeat(call, number=1, repeat=7))


if __name__ == "__main__":
    lines = run()
    sys.stdout.write("\n".join(lines) + "\n")

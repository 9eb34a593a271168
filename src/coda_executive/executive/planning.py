"""Plans without a run: what would be deployed, for reading and comparing."""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from coda_executive.config.make_plan import make_plan
from coda_executive.config.network import NetworkConfig
from coda_executive.config.plan import DeploymentPlan
from coda_executive.config.roster import node_names
from coda_executive.config.validate import check
from coda_executive.interfaces.engine import Engine, RunContext
from coda_protocol.runtime_config import RuntimeConfig


def planned(
    configurations: Sequence[tuple[NetworkConfig, RuntimeConfig]],
    engine: Engine,
    options: msgspec.Struct,
    *,
    seed: int,
    daemon: str | None = None,
    genesis_files: Mapping[str, bytes] | None = None,
) -> list[DeploymentPlan]:
    """The plan of each configuration; nodes of one name get one place in all of them, so plans can be compared.

    Places are reserved for a moment and given back; nothing is started.
    """
    for network, runtime in configurations:
        check(network, runtime)
    names = tuple(dict.fromkeys(name for network, _ in configurations for name in node_names(network)))
    with tempfile.TemporaryDirectory(prefix="coda-executive-plan-") as directory:
        context = RunContext(
            run_id="plan",
            directory=Path(directory),
            seed=seed,
            daemon=daemon,
            publish=lambda _node, _event: None,
            fail=lambda _error: None,
        )

        async def compute() -> list[DeploymentPlan]:
            manager = engine.open(context, options).manager
            try:
                sites = await manager.sites(names)
                return [
                    make_plan(network, runtime, sites, seed=seed, genesis_files=genesis_files)
                    for network, runtime in configurations
                ]
            finally:
                await manager.destroy()

        return engine.run(compute, seed=seed)

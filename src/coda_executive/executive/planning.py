"""A plan without a run: what would be deployed, for reading and comparing."""

import tempfile
from pathlib import Path

import msgspec

from coda_executive.config.make_plan import make_plan
from coda_executive.config.plan_document import plan_document
from coda_executive.config.roster import node_names
from coda_executive.config.validate import check
from coda_executive.executive.integration_test import IntegrationTest
from coda_executive.interfaces.engine import Engine, RunContext


def planned(
    test: IntegrationTest, engine: Engine, options: msgspec.Struct, *, seed: int, daemon: str | None
) -> str:
    """The deployment plan as a document, secrets masked. Places are reserved for a moment and given back;
    nothing is started.
    """
    check(test.network, test.runtime)
    with tempfile.TemporaryDirectory(prefix="coda-executive-plan-") as directory:
        context = RunContext(
            run_id="plan",
            directory=Path(directory),
            seed=seed,
            daemon=daemon,
            publish=lambda _node, _event: None,
            fail=lambda _error: None,
        )

        async def compute() -> str:
            manager = engine.open(context, options).manager
            try:
                sites = await manager.sites(node_names(test.network))
                return plan_document(make_plan(test.network, test.runtime, sites, seed=seed))
            finally:
                await manager.destroy()

        return engine.run(compute, seed=seed)

"""Small networks for the tests of this folder."""

from coda_executive.config.make_plan import make_plan
from coda_executive.config.network import BlockProducers, NetworkConfig
from coda_executive.config.node_id import NodeId
from coda_executive.config.plan import DeploymentPlan, NodeSite
from coda_executive.config.roster import node_names
from coda_protocol.currency import Balance
from coda_protocol.genesis_ledgers import sample_ledger
from coda_protocol.runtime_config import GenesisLedger, RuntimeConfig


def even_stakes(count: int) -> RuntimeConfig:
    return RuntimeConfig(ledger=sample_ledger([Balance.of_coda("1000")] * count))


def without_secrets(runtime: RuntimeConfig) -> RuntimeConfig:
    from coda_executive.config import ledger_accounts

    assert runtime.ledger is not None
    return RuntimeConfig(
        ledger=GenesisLedger(accounts=ledger_accounts.without_secrets(runtime.ledger.accounts or ()))
    )


def sites_of(network: NetworkConfig, host: str = "127.0.0.1") -> dict[NodeId, NodeSite]:
    return {
        name: NodeSite(host, 20_000 + 3 * index, 20_001 + 3 * index, 20_002 + 3 * index, f"/run/nodes/{name}")
        for index, name in enumerate(node_names(network))
    }


def planned(network: NetworkConfig, runtime: RuntimeConfig | None = None, *, seed: int = 1) -> DeploymentPlan:
    return make_plan(network, runtime or even_stakes(5), sites_of(network), seed=seed)


TWO_PRODUCERS = NetworkConfig(block_producers=BlockProducers(2))

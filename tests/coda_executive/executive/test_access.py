"""How a user reaches the nodes of a testnet that is up."""

from dataclasses import replace
from pathlib import Path

from tests.coda_executive.config.networks import even_stakes, sites_of

from coda_executive.config.make_plan import make_plan
from coda_executive.config.network import ArchiveNodes, NetworkConfig
from coda_executive.config.node_id import NodeId
from coda_executive.config.plan_document import plan_document
from coda_executive.executive.access import node_accesses, variables

NETWORK = NetworkConfig(archive_nodes=ArchiveNodes(count=1))


def test_an_archive_node_tells_its_archive_beside_its_ports(tmp_path: Path) -> None:
    uri = "postgresql:///archive_node_1?host=/tmp/here&user=coda"
    sites = {
        name: replace(site, archive_address="127.0.0.1:4000", archive_uri=uri)
        for name, site in sites_of(NETWORK).items()
    }
    plan = make_plan(NETWORK, even_stakes(1), sites, seed=1)
    (tmp_path / "plan.json").write_text(plan_document(plan))

    accesses = {access.id: dict(variables(access)) for access in node_accesses(tmp_path, {})}

    told = accesses[NodeId("archive-node-1")]
    assert told["CODA_ARCHIVE_NODE_1_ARCHIVE_URI"] == uri
    assert told["CODA_ARCHIVE_NODE_1_ARCHIVE_ADDRESS"] == "127.0.0.1:4000"
    assert not any("_ARCHIVE_URI" in name for name in accesses[NodeId("seed-1")])

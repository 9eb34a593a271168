"""Nodes that join and leave a testnet while its test runs."""

from collections.abc import Callable
from dataclasses import dataclass, field

from coda_executive.config.network import NodeSettings
from coda_executive.config.node_id import NodeId
from coda_executive.config.one_more_node import Flags, one_more, plan_one_more
from coda_executive.config.plan import DeploymentPlan, PlannedNode, Role
from coda_executive.interfaces.log_engine import Attachment
from coda_executive.interfaces.network_manager import NetworkManager
from coda_executive.interfaces.node import Node
from coda_executive.interfaces.testnet import Testnet
from coda_protocol.keys import Keypair
from coda_protocol.runtime_config import RuntimeConfig


@dataclass(slots=True)
class Membership:
    """Who is in the testnet, and what it takes to change that. `runtime` is the test's own; `on_plan` is told
    each new plan.
    """

    testnet: Testnet
    manager: NetworkManager
    attachment: Attachment
    runtime: RuntimeConfig
    seed: int
    on_plan: Callable[[DeploymentPlan], None]
    spawned: dict[NodeId, None] = field(default_factory=dict)  # those that are still there
    gone: dict[NodeId, None] = field(default_factory=dict)

    async def add(
        self, role: Role, settings: NodeSettings, flags: Flags | None, key: Keypair | None
    ) -> tuple[Node, PlannedNode]:
        """Put one more node in place, not started, and follow its log. Raises ConfigError, DeployError."""
        plan = self.testnet.plan
        wanted = one_more(plan.network, role, settings, flags)
        name = wanted.member.id
        sites = await self.manager.sites([name])
        gone = frozenset(self.gone)
        plan = plan_one_more(plan, self.runtime, wanted, sites[name], seed=self.seed, key=key, gone=gone)
        node = await self.manager.add(plan.nodes[-1])
        self.attachment.follow(name)
        self.testnet.join(node, plan)
        self.on_plan(plan)
        self.spawned[name] = None
        return node, plan.nodes[-1]

    async def remove(self, node: Node) -> None:
        """Stop a node for good. Raises EngineError."""
        self.testnet.leave(node)
        self.spawned.pop(node.id, None)
        self.gone[node.id] = None
        await self.manager.remove(node)

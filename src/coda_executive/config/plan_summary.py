"""A deployment plan in some lines for people: who is there, with which key, and how each is started."""

import shlex
from collections.abc import Iterator

from coda_executive.config.ledger_accounts import stake_by_key
from coda_executive.config.plan import DeploymentPlan, PlannedNode


def plan_summary(plan: DeploymentPlan) -> str:
    """Text that ends in a line break. Everything that is no secret is in `plan_document`."""
    return "".join(f"{line}\n" for line in _lines(plan))


def _lines(plan: DeploymentPlan) -> Iterator[str]:
    constants = plan.constants
    count = f"{len(plan.nodes)} node{'' if len(plan.nodes) == 1 else 's'}"
    yield (
        f"{count}; slots of {constants.slot_ms / 1000:g} s, {constants.slots_per_epoch} an epoch, "
        f"k = {constants.k}; wall-clock profile {constants.profile}"
    )
    hidden = stake_by_key(plan.runtime) is None  # by a hash
    for node in plan.nodes:
        yield ""
        yield _title(node, stakes_are_hidden=hidden)
        yield f"  peers      {', '.join(node.peers) or 'none'}"
        yield f"  address    {node.site.host}, ports {_ports(node)}"
        yield f"  files      {', '.join(file.path for file in node.files)}, {plan.genesis_file}"
        yield f"  started as {node.daemon or 'DAEMON'} daemon {shlex.join(node.arguments)}"
        for companion in node.companions:
            yield f"  beside it  {companion.id}: {node.daemon or 'DAEMON'} {shlex.join(companion.arguments)}"


def _title(node: PlannedNode, *, stakes_are_hidden: bool) -> str:
    parts = (
        [f"{node.id}"]
        if node.id.startswith(node.role.value.replace(" ", "-"))
        else [f"{node.id}, a {node.role}"]
    )
    if node.public_key is not None:
        parts.append(f"with key {node.public_key}")
    if node.stake_share > 0:
        assumed = "an assumed " if stakes_are_hidden else ""
        parts.append(f"and {assumed}{node.stake_share:.1%} of the stake")
    return " ".join(parts)


def _ports(node: PlannedNode) -> str:
    site = node.site
    return f"{site.client_port} (client), {site.rest_port} (REST), {site.external_port} (peers)"

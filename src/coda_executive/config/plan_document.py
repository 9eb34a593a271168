"""A deployment plan as text that people read and compare: everything in it but the secrets."""

import json
import re
from collections.abc import Mapping
from difflib import unified_diff
from hashlib import sha256
from typing import Any

import msgspec

from coda_executive.config.daemon_args import RUNTIME_FILE
from coda_executive.config.plan import DeploymentPlan, PlannedCompanion, PlannedFile, PlannedNode, Role

MASK = "(hidden)"
_SECRET_NAME = re.compile(r"PASS|PRIVKEY|SECRET|TOKEN|PASSWORD|CREDENTIAL", re.IGNORECASE)
_OWNERS_ONLY = 0o077


def plan_document(plan: DeploymentPlan) -> str:
    """The plan as JSON text, the same for equal plans.

    Values of secret-looking environment variables are masked. Files show mode, size and digest; of a secret
    box the digest says no more than whether it changed.
    """
    document = {
        "constants": msgspec.to_builtins(plan.constants),
        "genesis_file": plan.genesis_file,
        "nodes": {node.id: _node(node) for node in plan.nodes},
        "runtime": _runtime(plan),
        **({"joined": list(plan.joined)} if plan.joined else {}),
    }
    return msgspec.json.format(json.dumps(document, ensure_ascii=False), indent=2) + "\n"


def plan_diff(
    before: DeploymentPlan, after: DeploymentPlan, *, names: tuple[str, str] = ("before", "after")
) -> str:
    """What differs between the documents of two plans, as a unified diff; empty when nothing does."""
    lines = unified_diff(
        plan_document(before).splitlines(keepends=True),
        plan_document(after).splitlines(keepends=True),
        *names,
    )
    return "".join(lines)


def _node(node: PlannedNode) -> dict[str, Any]:
    return {
        "role": node.role.value,
        "host": node.site.host,
        "directory": node.site.directory,
        "ports": {
            "client": node.site.client_port,
            "rest": node.site.rest_port,
            "external": node.site.external_port,
        },
        **_archive(node),
        "peer_address": node.peer_address,
        "peers": list(node.peers),
        "public_key": node.public_key,
        "stake_share": round(node.stake_share, 9),
        "daemon": node.daemon,
        "resources": msgspec.to_builtins(node.resources),
        "arguments": list(node.arguments),
        "environment": _environment(node.environment),
        "files": {file.path: _file(file) for file in node.files},
        "companions": {companion.id: _companion(companion) for companion in node.companions},
    }


def _archive(node: PlannedNode) -> dict[str, Any]:
    if node.role is not Role.ARCHIVE_NODE:
        return {}
    return {"archive": {"address": node.site.archive_address, "uri": node.site.archive_uri}}


def _companion(companion: PlannedCompanion) -> dict[str, Any]:
    return {
        "role": companion.role.value,
        "log": companion.log_name,
        "arguments": list(companion.arguments),
        "environment": _environment(companion.environment),
        "outlives_node": companion.outlives_node,
    }


def _environment(variables: Mapping[str, str]) -> dict[str, str]:
    return {name: MASK if _SECRET_NAME.search(name) else value for name, value in sorted(variables.items())}


def _file(file: PlannedFile) -> dict[str, Any]:
    return {
        "mode": f"{file.mode:04o}",
        "bytes": len(file.content),
        "sha256": sha256(file.content).hexdigest()[:16],
        "secret": not file.mode & _OWNERS_ONLY,
    }


def _runtime(plan: DeploymentPlan) -> Any:
    """As the nodes' file has it, which is more than we know where the user keeps unknown fields."""
    content = next(file.content for file in plan.nodes[0].files if file.path == RUNTIME_FILE)
    document = json.loads(content)
    if "block-producer-password" in document.get("daemon", {}):
        document["daemon"]["block-producer-password"] = MASK
    return document

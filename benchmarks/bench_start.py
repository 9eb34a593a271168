"""From `run` to all nodes initialised, beside a bare launcher that starts the same daemons; and what the
executive weighs meanwhile.

The bare launcher writes the same files, starts the same command lines at once with genesis now, and reads the
logs until each node has written that it is initialised: nothing can be faster and still start these daemons.
"""

import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from coda_executive.config.make_plan import make_plan
from coda_executive.config.network import BlockProducers, NetworkConfig
from coda_executive.config.plan import NodeSite, PlannedNode
from coda_executive.config.roster import node_names
from coda_protocol.currency import Balance
from coda_protocol.genesis_ledgers import sample_ledger
from coda_protocol.runtime_config import GenesisSection, ProofSection, RuntimeConfig
from coda_protocol.structured_events import STARTING_TRANSITION_FRONTIER_CONTROLLER

SIZES = (2, 5, 10, 50)
ROUNDS = 3
INITIALIZED = STARTING_TRANSITION_FRONTIER_CONTROLLER.id.encode()
SLOT_MS = 3000

TEST_FILE = """
from coda_executive import *

@integration_test(
    network=NetworkConfig(block_producers=BlockProducers(count=1), plain_nodes={plain}),
    runtime=RuntimeConfig(
        genesis=GenesisSection(k=12, slots_per_epoch=480, slots_per_sub_window=2, grace_period_slots=140),
        proof=ProofSection(level="none", block_window_duration_ms={slot}),
        ledger=sample_ledger([Balance.of_coda("1000000")]),
    ),
)
async def start(dsl):
    await dsl.wait_for(nodes_to_initialize(dsl.testnet.nodes))
"""


def network(size: int) -> NetworkConfig:
    """A seed, one block producer, the rest plain nodes."""
    return NetworkConfig(block_producers=BlockProducers(count=1), plain_nodes=size - 2)


def runtime() -> RuntimeConfig:
    return RuntimeConfig(
        genesis=GenesisSection(k=12, slots_per_epoch=480, slots_per_sub_window=2, grace_period_slots=140),
        proof=ProofSection(level="none", block_window_duration_ms=SLOT_MS),
        ledger=sample_ledger([Balance.of_coda("1000000")]),
    )


def free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def bare_seconds(size: int, root: Path) -> float:
    """Seconds from now until the last node of a bare start wrote that it is initialised."""
    names = node_names(network(size))
    ports = free_ports(3 * size)
    sites = {
        name: NodeSite("127.0.0.1", *ports[3 * i : 3 * i + 3], directory=str(root / name))
        for i, name in enumerate(names)
    }
    began = time.monotonic()
    plan = make_plan(network(size), runtime(), sites, seed=1)
    processes: list[subprocess.Popen[bytes]] = []
    try:
        genesis = datetime.now(UTC).isoformat(timespec="milliseconds")
        processes += [_start_bare(node, plan.genesis_file, genesis) for node in plan.nodes]
        logs = [Path(node.site.directory) / "daemon.log" for node in plan.nodes]
        while not all(INITIALIZED in log.read_bytes() for log in logs):
            time.sleep(0.02)
        return time.monotonic() - began
    finally:
        for process in processes:
            process.kill()
        for process in processes:
            process.wait()


def _start_bare(node: PlannedNode, genesis_file: str, genesis: str) -> "subprocess.Popen[bytes]":
    here = Path(node.site.directory)
    for directory in (here, here / "keys", here / "config"):
        directory.mkdir(mode=0o700)
    for file in node.files:
        (here / file.path).write_bytes(file.content)
        (here / file.path).chmod(file.mode)
    document = {"genesis": {"genesis_state_timestamp": genesis}}
    (here / genesis_file).write_text(json.dumps(document))
    with (here / "daemon.log").open("wb") as log:
        return subprocess.Popen(
            [Path(sys.executable).with_name("coda"), "daemon", *node.arguments],
            stdout=log,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env={"PATH": os.environ["PATH"], **node.environment},
        )


def executive_seconds(size: int, root: Path) -> tuple[float, float, int]:
    """Seconds from starting `coda-executive run` to the last initialised node, its peak memory in MiB, and
    slots lost.
    """
    test = root / "start_test.py"
    test.write_text(TEST_FILE.format(plain=size - 2, slot=SLOT_MS))
    run_dir = root / "run"
    began_ns = time.time_ns()
    command = [
        Path(sys.executable).with_name("coda-executive"),
        "run",
        f"{test}::start",
        "--run-dir",
        str(run_dir),
        "--keep",
        "always",
    ]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    memory = 0.0
    while process.poll() is None:
        memory = max(memory, _peak_mib(process.pid))
        time.sleep(0.05)
    if process.returncode != 0:
        raise RuntimeError(f"the run ended with exit code {process.returncode}; see {run_dir}")
    moments = [_initialized_at(log) for log in run_dir.glob("nodes/*/daemon.log")]
    genesis_ms = _genesis_ms(run_dir)
    lost = max(0, int((max(moments) / 1e6 - genesis_ms) // SLOT_MS))
    return (max(moments) - began_ns) / 1e9, memory, lost


def _peak_mib(pid: int) -> float:
    """The greatest resident size that a process has had, in MiB; 0 when it is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    return next(
        (int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM")), 0.0
    )


def _genesis_ms(run_dir: Path) -> float:
    plan = json.loads(next(run_dir.glob("nodes/*/genesis.json")).read_text())
    return datetime.fromisoformat(plan["genesis"]["genesis_state_timestamp"]).timestamp() * 1000


def _initialized_at(log: Path) -> int:
    """When a node wrote that it is initialised, in nanoseconds since the Unix epoch, by its own time stamp."""
    line = next(line for line in log.read_bytes().splitlines() if INITIALIZED in line)
    stamp = json.loads(line)["timestamp"]
    return int(datetime.fromisoformat(stamp).timestamp() * 1e9)


def run() -> list[str]:
    lines = []
    for size in SIZES:
        bare, ours, memory, lost = [], [], 0.0, 0
        for _ in range(ROUNDS if size < 50 else 2):
            root = Path(tempfile.mkdtemp(prefix="bench-start-"))
            try:
                (root / "bare").mkdir()
                bare.append(bare_seconds(size, root / "bare"))
                seconds, mib, slots = executive_seconds(size, root)
                ours.append(seconds)
                memory, lost = max(memory, mib), max(lost, slots)
            finally:
                shutil.rmtree(root, ignore_errors=True)
        ratio = statistics.median(ours) / statistics.median(bare)
        allowed = 1.15 * statistics.median(bare) + 0.5
        lines.append(
            f"{size:3} nodes: bare {statistics.median(bare):6.2f} s, executive {statistics.median(ours):6.2f} s "
            f"(ratio {ratio:.2f}, allowed {allowed:.2f} s), slots lost {lost}, executive's peak memory {memory:.0f} MiB"
        )
    lines.append(_help_line())
    return lines


def _help_line() -> str:
    def cpu(command: list[str]) -> float:
        samples = []
        for _ in range(9):
            began = time.monotonic()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            samples.append(time.monotonic() - began)
        return statistics.median(samples)

    bare = cpu([sys.executable, "-c", "pass"])
    executive = str(Path(sys.executable).with_name("coda-executive"))
    ours = {name: cpu([executive, *name.split(), "--help"]) for name in ("", "run", "logs", "list")}
    daemon = cpu([str(Path(sys.executable).with_name("coda")), "daemon", "-help"])
    shown = [f"{name or 'coda-executive'} +{seconds - bare:.3f} s" for name, seconds in ours.items()]
    shown.append(f"coda daemon +{daemon - bare:.3f} s")
    return f"--help above a bare interpreter ({bare:.3f} s): {', '.join(shown)}"


if __name__ == "__main__":
    print("\n".join(run()))

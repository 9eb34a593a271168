"""Fifty daemons with slots of ten seconds on this machine: do they stay in sync, and what do they weigh?

The run is an ordinary test on the local engine: all initialise, blocks are produced, and at the end all have the
same best tip; it fails otherwise. Beside it, memory and CPU of all processes below the executive are sampled.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

NODES = 50
SLOT_MS = 10_000
BLOCKS = 6
GIB = 1024 * 1024  # in the kB of /proc
_TICKS = os.sysconf("SC_CLK_TCK")

TEST_FILE = f"""
from coda_executive import *

@integration_test(
    network=NetworkConfig(block_producers=BlockProducers(count=5), plain_nodes={NODES - 6}),
    runtime=RuntimeConfig(
        genesis=GenesisSection(k=12, slots_per_epoch=480, slots_per_sub_window=2, grace_period_slots=140),
        proof=ProofSection(level="none", block_window_duration_ms={SLOT_MS}),
        ledger=sample_ledger([Balance.of_coda("1000000")] * 5),
    ),
)
async def fifty(dsl):
    await dsl.wait_for(nodes_to_initialize(dsl.testnet.nodes))
    await dsl.wait_for(blocks_to_be_produced({BLOCKS}))
    await dsl.wait_for(nodes_to_synchronize(dsl.testnet.nodes))
"""


def descendants(root: int) -> list[int]:
    """All processes below one, itself not."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
            except OSError:
                continue
            parent = int(stat.rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(entry.name))
    found, front = [], [root]
    while front:
        below = children.get(front.pop(), [])
        found += below
        front += below
    return found


def memory(pid: int) -> tuple[int, int]:
    """Resident and proportional set size in kB; zeros when the process is gone."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0, 0
    sizes = {line.split(":")[0]: int(line.split()[1]) for line in lines if line.startswith(("Rss", "Pss:"))}
    return sizes.get("Rss", 0), sizes.get("Pss", 0)


def cpu_seconds(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICKS


def run() -> list[str]:
    root = Path(tempfile.mkdtemp(prefix="bench-fifty-"))
    try:
        return _measured(root)
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _measured(root: Path) -> list[str]:
    test = root / "fifty_test.py"
    test.write_text(TEST_FILE)
    run_dir = root / "run"
    command = [str(Path(sys.executable).with_name("coda-executive")), "run", f"{test}::fifty"]
    began = time.monotonic()
    process = subprocess.Popen(
        [*command, "--run-dir", str(run_dir), "--keep", "always"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    peak_rss = peak_pss = most = 0
    cpu: dict[int, float] = {}
    while process.poll() is None:
        pids = descendants(process.pid)
        sizes = [memory(pid) for pid in pids]
        peak_rss = max(peak_rss, sum(rss for rss, _ in sizes))
        peak_pss = max(peak_pss, sum(pss for _, pss in sizes))
        most = max(most, len(pids))
        cpu.update((pid, cpu_seconds(pid)) for pid in pids)
        time.sleep(2)
    seconds = time.monotonic() - began
    output = process.stdout.read() if process.stdout else ""
    if process.returncode != 0:
        raise RuntimeError(f"the run ended with exit code {process.returncode}:\n{output[-3000:]}")
    outcome = json.loads((run_dir / "outcome.json").read_text())
    return [
        f"{NODES} nodes, slots of {SLOT_MS / 1000:g} s, {BLOCKS} blocks: in sync after {seconds:.0f} s "
        f"({outcome['verdict']})",
        f"{most} processes: peak resident {peak_rss / GIB:.2f} GiB (allowed 6), proportional {peak_pss / GIB:.2f} GiB",
        f"CPU of all: {sum(cpu.values()):.0f} s, {100 * sum(cpu.values()) / seconds:.0f} % of one core on average",
    ]


if __name__ == "__main__":
    print("\n".join(run()))

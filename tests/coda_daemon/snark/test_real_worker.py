"""SNARK workers as real processes: one that a daemon starts, one that comes from outside."""

import os
import signal
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from tests.coda_daemon.test_real_network import COMMAND, LIMIT, RealDaemon, free_ports, wait_until
from tests.coda_daemon.worlds import config_for

from coda_protocol.libp2p_keys import libp2p_keypair_from_seed
from coda_protocol.runtime_config import TwoToThe, encode
from coda_protocol.sample_keys import sample_keypair
from coda_protocol.timestamp import Timestamp

pytestmark = pytest.mark.real

COORDINATOR = str(sample_keypair(2).public)


@pytest.fixture
def node(tmp_path: Path) -> Iterator["Node"]:
    node = Node(tmp_path)
    yield node
    for process in node.processes:
        process.kill()
        process.wait()


class Node:
    """A seed that produces blocks in slots of half a second, and owes work soon."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.processes: list[subprocess.Popen[bytes]] = []
        with free_ports(3) as (self.gossip_port, self.rest_port, self.client_port):
            pass

    def start(self, *flags: str) -> RealDaemon:
        config = config_for(2, slot_ms=500)
        assert config.genesis is not None
        assert config.proof is not None
        start = Timestamp(int(datetime.now(UTC).timestamp() * 1000) + 1000)
        config = msgspec.structs.replace(
            config,
            genesis=msgspec.structs.replace(config.genesis, genesis_state_timestamp=start),
            proof=msgspec.structs.replace(
                config.proof, level="check", transaction_capacity=TwoToThe(1), work_delay=0
            ),
        )
        (self.directory / "config.json").write_bytes(encode(config))
        arguments = [
            *("-config-directory", str(self.directory / "config")),
            *("-config-file", str(self.directory / "config.json")),
            *("-libp2p-keypair", libp2p_keypair_from_seed("alone").reveal()),
            *("-external-ip", "127.0.0.1", "-bind-ip", "127.0.0.1"),
            *("-external-port", str(self.gossip_port), "-rest-port", str(self.rest_port)),
            *("-client-port", str(self.client_port), "-snark-worker-fee", "0.1"),
            *("-log-json", "-log-level", "Trace", "-seed"),
        ]
        process = self.spawn("stdout", "daemon", *arguments, *flags)
        return RealDaemon(self.directory, arguments, self.rest_port, process)

    def spawn(self, output: str, *arguments: str) -> "subprocess.Popen[bytes]":
        environment = {
            "PATH": os.environ["PATH"],
            "CODA_PROFILE": "dev",
            "MINA_BP_PRIVKEY": sample_keypair(1).private.reveal(),
        }
        with (self.directory / output).open("ab") as out:
            process = subprocess.Popen(
                [*COMMAND, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env=environment,
                cwd=self.directory,
            )
        self.processes.append(process)
        return process


def sells_work(daemon: RealDaemon) -> bool:
    chain = daemon.query("{ bestChain { snarkJobs { prover } } }")
    return chain is not None and any(block["snarkJobs"] for block in chain["bestChain"])


def answers(daemon: RealDaemon) -> bool:
    return (
        daemon.tip_and_status() is not None
        and "Starting transition frontier controller phase" in daemon.messages
    )


def test_a_local_worker_is_a_process_that_ends_with_its_daemon(node: Node) -> None:
    daemon = node.start("-run-snark-worker", COORDINATOR)
    wait_until("answer", lambda: answers(daemon))
    wait_until("block that buys work", lambda: sells_work(daemon))
    pid = daemon.process.pid
    (worker,) = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    assert b"snark-worker" in Path(f"/proc/{worker}/cmdline").read_bytes()

    daemon.process.send_signal(signal.SIGTERM)

    assert daemon.process.wait(LIMIT) == 130
    wait_until("end of the worker", lambda: not Path(f"/proc/{worker}").exists())
    assert daemon.complaints() == []


def test_an_external_worker_ends_with_0_when_it_is_told_to(node: Node) -> None:
    daemon = node.start("-run-snark-coordinator", COORDINATOR)
    wait_until("answer", lambda: answers(daemon))
    worker = node.spawn(
        "worker",
        *("internal", "snark-worker", "-daemon-address", f"127.0.0.1:{node.client_port}"),
        *("-proof-level", "check", "--shutdown-on-disconnect", "false"),
        *("-config-directory", str(node.directory / "worker-config")),
    )
    wait_until("block that buys work", lambda: sells_work(daemon))

    worker.send_signal(signal.SIGTERM)

    assert worker.wait(LIMIT) == 0
    assert "Submitted completed SNARK work" in (node.directory / "worker").read_text()
    assert (node.directory / "worker-config" / "mina-snark-worker.log").exists()

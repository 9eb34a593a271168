"""Daemons as real processes on loopback: they find each other, agree, survive a kill, and leave cleanly."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

import msgspec
import pytest
from tests.coda_daemon.worlds import config_for

from coda_protocol.key_files import write_private_key
from coda_protocol.libp2p_keys import libp2p_keypair_from_seed
from coda_protocol.runtime_config import encode
from coda_protocol.sample_keys import sample_keypair
from coda_protocol.secret_box import ENTROPY_BYTES
from coda_protocol.timestamp import Timestamp

pytestmark = pytest.mark.real

SLOT_MS = 500
LIMIT = 60.0  # seconds until a wait gives up; nothing here takes more than a few on an idle machine
COMMAND = (sys.executable, "-I", "-c", "import sys; from coda_daemon.cli import main; sys.exit(main())")
PASSWORD = "naughty blue worm"


@dataclass
class RealDaemon:
    """One process; `lines` are what it has logged so far."""

    directory: Path
    arguments: list[str]
    rest_port: int
    process: "subprocess.Popen[bytes]"

    @property
    def lines(self) -> list[dict[str, Any]]:
        text = (self.directory / "stdout").read_text()
        return [json.loads(line) for line in text.splitlines() if line.startswith("{")]

    @property
    def messages(self) -> list[str]:
        return [line["message"] for line in self.lines]

    def complaints(self) -> list[dict[str, Any]]:
        return [line for line in self.lines if line["level"] in ("Error", "Faulty_peer", "Fatal")]

    def query(self, text: str) -> Any:
        body = json.dumps({"query": text}).encode()
        request = Request(
            f"http://127.0.0.1:{self.rest_port}/graphql", body, {"Content-Type": "application/json"}
        )
        with urlopen(request, timeout=10) as reply:
            return json.loads(reply.read())["data"]

    def tip_and_status(self) -> tuple[str, int, str] | None:
        try:
            status = self.query("{ daemonStatus { stateHash blockchainLength syncStatus } }")["daemonStatus"]
        except URLError:
            return None
        return status["stateHash"], status["blockchainLength"] or 0, status["syncStatus"]


def wait_until(what: str, check: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LIMIT
    while not check():
        assert time.monotonic() < deadline, f"no {what} within {LIMIT:g} s"
        time.sleep(0.05)


@contextmanager
def free_ports(count: int) -> Iterator[list[int]]:
    """Ports that nobody uses; given back at once, so they may be taken by others, though hardly ever are."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        ports = [one.getsockname()[1] for one in sockets]
    yield ports


def spawn(directory: Path, arguments: list[str], rest_port: int) -> RealDaemon:
    with (directory / "stdout").open("ab") as out, (directory / "stderr").open("ab") as err:
        process = subprocess.Popen(
            [*COMMAND, "daemon", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            env={"PATH": os.environ["PATH"], "CODA_PROFILE": "dev", "MINA_PRIVKEY_PASS": PASSWORD},
        )
    return RealDaemon(directory, arguments, rest_port, process)


@pytest.fixture
def network(tmp_path: Path) -> Iterator[list[RealDaemon]]:
    """A seed and two block producers; genesis is a second after they are started."""
    producers = 2
    config = config_for(producers, slot_ms=SLOT_MS)
    assert config.genesis is not None
    start = Timestamp(int(datetime.now(UTC).timestamp() * 1000) + 1000)
    config = msgspec.structs.replace(
        config, genesis=msgspec.structs.replace(config.genesis, genesis_state_timestamp=start)
    )
    (tmp_path / "config.json").write_bytes(encode(config))
    identities = [libp2p_keypair_from_seed(f"real {index}") for index in range(producers + 1)]
    daemons: list[RealDaemon] = []
    with free_ports(3 * (producers + 1)) as ports:
        seed_address = f"/ip4/127.0.0.1/tcp/{ports[0]}/p2p/{identities[0].peer_id}"
        try:
            for index, identity in enumerate(identities):
                directory = tmp_path / f"node-{index}"
                (directory / "keys").mkdir(parents=True, mode=0o700)
                gossip_port, rest_port, client_port = ports[3 * index : 3 * index + 3]
                arguments = [
                    *("-config-directory", str(directory / "config")),
                    *("-config-file", str(tmp_path / "config.json")),
                    *("-libp2p-keypair", identity.reveal()),
                    *("-external-ip", "127.0.0.1", "-bind-ip", "127.0.0.1"),
                    *("-external-port", str(gossip_port), "-rest-port", str(rest_port)),
                    *("-client-port", str(client_port)),
                    *("-log-json", "-log-level", "Trace"),
                ]
                if index == 0:
                    arguments.append("-seed")
                else:
                    key = directory / "keys" / "block-producer"
                    private = sample_keypair(index).private
                    key.write_bytes(write_private_key(private, PASSWORD, entropy=os.urandom(ENTROPY_BYTES)))
                    key.chmod(0o600)
                    arguments += ["-peer", seed_address, "-block-producer-key", str(key)]
                daemons.append(spawn(directory, arguments, rest_port))
            yield daemons
        finally:
            for daemon in daemons:
                daemon.process.kill()
                daemon.process.wait()


def agree(daemons: list[RealDaemon], *, above: int) -> bool:
    """Whether all are synced and have the same best tip, at a height over `above`."""
    found = {daemon.tip_and_status() for daemon in daemons}
    tip = found.pop() if len(found) == 1 else None
    return tip is not None and tip[1] > above and tip[2] == "SYNCED"


def test_three_processes_sync_and_agree_and_end_cleanly(network: list[RealDaemon]) -> None:
    wait_until("common best tip of height 4", lambda: agree(network, above=3))

    for daemon in network:
        daemon.process.send_signal(signal.SIGTERM)
    assert [daemon.process.wait(LIMIT) for daemon in network] == [130, 130, 130]
    for daemon in network:
        assert daemon.complaints() == []
        assert daemon.messages[-1] == "Mina process was interrupted by $signal"
        assert not (daemon.directory / "config" / ".mina-lock").exists()
        assert (daemon.directory / "stderr").read_text() == ""


def test_a_killed_process_resumes_from_its_disk_and_catches_up(network: list[RealDaemon]) -> None:
    wait_until("common best tip of height 4", lambda: agree(network, above=3))
    victim = network[2]
    victim.process.kill()
    victim.process.wait()
    told = len(victim.lines)
    tip = network[0].tip_and_status()
    assert tip is not None
    wait_until("blocks without it", lambda: agree(network[:2], above=tip[1] + 1))

    network[2] = spawn(victim.directory, victim.arguments, victim.rest_port)

    wait_until("agreement with the restarted one", lambda: agree(network, above=tip[1] + 2))
    messages = network[2].messages[told:]
    assert "Transition_frontier_loaded_from_persistence" in messages
    assert "Persistent frontier database does not exist" not in messages


def test_a_paused_process_catches_up_when_it_goes_on(network: list[RealDaemon]) -> None:
    wait_until("common best tip of height 3", lambda: agree(network, above=2))
    network[2].process.send_signal(signal.SIGSTOP)
    tip = network[0].tip_and_status()
    assert tip is not None
    wait_until("blocks without it", lambda: agree(network[:2], above=tip[1] + 2))

    network[2].process.send_signal(signal.SIGCONT)

    wait_until("agreement with all", lambda: agree(network, above=tip[1] + 3))


def test_a_port_in_use_is_told(network: list[RealDaemon]) -> None:
    wait_until("answer", lambda: network[0].tip_and_status() is not None)
    taken = [*network[0].arguments]
    taken[taken.index("-config-directory") + 1] += "-2"

    with free_ports(1) as (free,):
        taken[taken.index("-client-port") + 1] = str(free)
    second = spawn(network[0].directory, taken, network[0].rest_port)

    assert second.process.wait(LIMIT) == 1
    assert "Cannot listen on -rest-port" in (network[0].directory / "stderr").read_text()

"""The reference daemon: a block of 100 payments, small GraphQL queries, CPU to start, memory at rest.

The bars (issue 5): 60 ms for the block at proof level none with signatures already verified and 0.9 s at
check, 2,000 small queries a second on one core, 0.6 s of CPU from exec to GraphQL answering, 60 MB resident
idle. Queries and start are those of a daemon in a process of its own, in seconds of its CPU: other load on the
machine hardly counts.
"""

import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from coda_daemon.consensus.body import Contents, apply_body
from coda_daemon.genesis import make_genesis
from coda_daemon.ledger.account import Address
from coda_daemon.ledger.command import command_of, is_authorized
from coda_protocol.commands import Payment, UserCommand
from coda_protocol.constants import CompiledProfile, with_defaults
from coda_protocol.currency import Amount, Balance, Fee
from coda_protocol.runtime_config import (
    Account,
    GenesisLedger,
    GenesisSection,
    ProofLevel,
    ProofSection,
    RuntimeConfig,
    TwoToThe,
    encode,
)
from coda_protocol.sample_keys import sample_keypair
from coda_protocol.signatures import TESTNET
from coda_protocol.signing import sign
from coda_protocol.slots import GlobalSlot
from coda_protocol.timestamp import Timestamp

PAYMENTS = 100
QUERIES = 4000
QUERY = "{ syncStatus daemonStatus { blockchainLength stateHash } }"


def run() -> list[str]:
    """Lines for people."""
    lines = [
        _line(f"block of {PAYMENTS} payments at none", _block_seconds("none") * 1000, "ms", "bar 60"),
        _line(f"block of {PAYMENTS} payments at check", _block_seconds("check") * 1000, "ms", "bar 900"),
    ]
    with tempfile.TemporaryDirectory() as directory:
        cpu, memory, rate = _running_daemon(Path(directory))
    return [
        *lines,
        _line("CPU from exec to GraphQL answering", cpu, "s", "bar 0.6"),
        _line("resident after 10 queries", memory, "MB", "bar 60"),
        _line("small queries per CPU second", rate, "", "bar 2000"),
    ]


def _line(what: str, value: float, unit: str, bar: str) -> str:
    return f"{what:<36}{value:>10.2f} {unit:<3} {bar}"


def _block_seconds(level: ProofLevel) -> float:
    """Seconds to apply the payments of a received block and hash the ledger after it; the best of five."""
    config = _config(level)
    genesis = make_genesis(config, with_defaults(config, CompiledProfile.LIGHTNET))
    commands = []
    for number in range(PAYMENTS):
        sender, receiver = sample_keypair(number), sample_keypair((number + 7) % PAYMENTS)
        unsigned = UserCommand(sender.public, Fee(10**7), 0, Payment(receiver.public, Amount(10**9)))
        commands.append(command_of(sign(unsigned, sender, TESTNET)))
        assert is_authorized(commands[-1], TESTNET)
    contents, receiver_address = Contents(tuple(commands)), Address(str(sample_keypair(0).public))
    rules = genesis.rules

    def apply() -> None:
        applied = apply_body(
            genesis.ledger,
            contents,
            GlobalSlot(1),
            receiver_address,
            rules.coinbase,
            rules.body,
            genesis.built.scan,
        )
        assert applied.ledger.hash != genesis.ledger.hash

    return _best(apply, 1 if level == "check" else 5)  # receipts at check are remembered after the first


def _best(work: Callable[[], None], rounds: int) -> float:
    seconds = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    return min(seconds)


def _config(level: ProofLevel) -> RuntimeConfig:
    return RuntimeConfig(
        genesis=GenesisSection(genesis_state_timestamp=Timestamp(int(time.time() * 1000))),
        proof=ProofSection(level=level, transaction_capacity=TwoToThe(7)),
        ledger=GenesisLedger(
            accounts=tuple(
                Account(pk=str(sample_keypair(index).public), balance=Balance(10**12))
                for index in range(PAYMENTS)
            ),
            add_genesis_winner=False,
        ),
    )


def _running_daemon(directory: Path) -> tuple[float, float, float]:
    """CPU seconds until the first answer, MB then, answers per CPU second afterwards."""
    (directory / "config.json").write_bytes(encode(_config("none")))
    ports = _free_ports(3)
    flags = ("rest-port", "external-port", "client-port")
    arguments = [word for flag, port in zip(flags, ports, strict=True) for word in (f"-{flag}", str(port))]
    with (directory / "out.log").open("wb") as log:
        process = subprocess.Popen(
            [
                *(str(Path(sys.executable).with_name("coda")), "daemon", "-seed", *arguments),
                *("-config-directory", str(directory / "node")),
                *("-config-file", str(directory / "config.json")),
            ],
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        connection = _connected(ports[0], process)
        _ask(connection)
        cpu = _cpu_seconds(process.pid)
        for _ in range(10):
            _ask(connection)
        memory = _resident_mb(process.pid)
        before = _cpu_seconds(process.pid)
        for _ in range(QUERIES):
            _ask(connection)
        return cpu, memory, QUERIES / (_cpu_seconds(process.pid) - before)
    finally:
        process.terminate()
        process.wait()


def _connected(port: int, process: "subprocess.Popen[bytes]") -> http.client.HTTPConnection:
    while process.poll() is None:
        connection = http.client.HTTPConnection("127.0.0.1", port)
        try:
            connection.connect()
        except ConnectionRefusedError:
            time.sleep(0.01)
        else:
            return connection
    raise SystemExit("the daemon ended before it answered")


def _ask(connection: http.client.HTTPConnection) -> None:
    body = json.dumps({"query": QUERY})
    connection.request("POST", "/graphql", body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    assert answer.status == 200
    assert b"syncStatus" in answer.read()


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _resident_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [int(each.getsockname()[1]) for each in sockets]
    for each in sockets:
        each.close()
    return ports

"""Who may call the client port, and what it says to whom."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest
from tests.coda_daemon.log_testbed import RecordingSink
from tests.coda_daemon.worlds import World, memory_log

from coda_daemon.client_frames import GetStatus, StopDaemon, decode_call
from coda_daemon.client_port import ClientPort
from coda_daemon.ports import Connection
from coda_daemon.snark.worker_frames import (
    GetWork,
    MalformedWorkerFrame,
    Noted,
    NoWork,
    Refused,
    WorkFailed,
    decode_reply,
    encode,
)
from coda_daemon.trust_list import TrustList, listening_address
from coda_daemon.user_error import UserError
from coda_executive.engines.simulation.event_loop import run
from coda_executive.engines.simulation.host import SimulatedHost


def host_with(files: dict[str, bytes]) -> SimulatedHost:
    machine = World().machine("here")
    for path, content in files.items():
        machine.write(path, content)
    return machine.host()


def in_loop(check: Coroutine[Any, Any, None]) -> None:
    async def main() -> None:
        await check

    run(main)


def test_trust_list_has_this_machine_the_environment_and_the_file() -> None:
    async def check() -> None:
        store = host_with({"/config/client_trustlist": b"(10.1.0.0/16 192.168.7.3/32)"}).store
        environment = {"MINA_CLIENT_TRUSTLIST": "10.2.0.0/16, 10.3.0.0/16"}

        listed = TrustList(environment, store, "/config", own="10.9.9.9")

        assert [str(network) for network in listed.networks] == [
            *("127.0.0.0/8", "10.9.9.9/32"),
            *("10.2.0.0/16", "10.3.0.0/16", "10.1.0.0/16", "192.168.7.3/32"),
        ]
        assert len(TrustList({}, store, "/elsewhere", own="0.0.0.0").networks) == 1
        with pytest.raises(UserError, match="must hold networks such as"):
            TrustList({"MINA_CLIENT_TRUSTLIST": "everybody"}, store, "/config", own="here")

    in_loop(check())


def test_trust_list_is_changed_on_disk_too() -> None:
    async def check() -> None:
        store = host_with({"/config/mina.log": b""}).store
        listed = TrustList({"MINA_CLIENT_TRUSTLIST": "10.2.0.0/16"}, store, "/config", own="here")

        listed.add("10.1.0.0/16")
        assert "10.1.7.7" in listed
        assert "10.1.7.7" in TrustList({}, store, "/config", own="here")
        assert store.read("/config/client_trustlist") == b"(10.1.0.0/16)\n"
        listed.remove("10.1.0.0/16")
        assert "10.1.7.7" not in listed
        for wrong in ("10.1.0.0/16", "10.2.0.0/16", "everybody"):
            with pytest.raises(ValueError, match=r"10\.|every"):
                listed.remove(wrong)
        with pytest.raises(ValueError, match="already"):
            listed.add("10.2.0.0/16")

    in_loop(check())


async def served(sink_check: list[RecordingSink], *frames: bytes, trusted: bool = True) -> list[bytes | None]:
    """What a caller from another machine gets for its frames from a node that sells nothing."""
    world = World()
    there, here = world.machine("there").host(), world.machine("here").host()
    log, sink = memory_log(there)
    sink_check.append(sink)
    environment = {"MINA_CLIENT_TRUSTLIST": "10.0.0.0/8"} if trusted else {}
    port = ClientPort(
        lambda: None,
        answer=lambda call: Noted() if isinstance(call, StopDaemon) else Refused(type(call).__name__),
        trusted=TrustList(environment, there.store, "/config", own="x"),
        nap=1.0,
        log=log,
    )
    listener = await port.listen(there.transport, "0.0.0.0", 8301)
    connection: Connection = await here.transport.connect("10.0.0.1", 8301)
    replies: list[bytes | None] = []
    for frame in frames:
        try:
            await connection.send(frame)
        except ConnectionError:
            replies.append(None)
            continue
        replies.append(await connection.receive())
    if encode(StopDaemon()) in frames and trusted:
        await port.told_to_stop()
    listener.close()
    connection.close()
    await asyncio.sleep(1)
    return replies


def test_node_that_sells_no_work_says_so() -> None:
    async def check() -> None:
        (reply,) = await served([], encode(GetWork()))
        assert reply is not None
        assert decode_reply(reply) == Refused("this node sells no SNARK work")

    in_loop(check())


def test_client_is_answered_beside_the_workers_and_may_stop_the_daemon() -> None:
    async def check() -> None:
        replies = await served([], encode(GetStatus(False)), encode(GetWork()), encode(StopDaemon()))
        assert [decode_reply(reply or b"") for reply in replies] == [
            Refused("GetStatus"),
            Refused("this node sells no SNARK work"),
            Noted(),
        ]

    in_loop(check())


def test_port_is_on_all_addresses_unless_peers_are_of_this_machine() -> None:
    found = [listening_address(bind) for bind in ("0.0.0.0", "10.0.0.7", "::", "127.0.0.1", "127.0.0.9")]
    assert found == ["0.0.0.0", "0.0.0.0", "0.0.0.0", "127.0.0.1", "127.0.0.9"]


def test_caller_that_is_not_trusted_gets_no_answer() -> None:
    async def check() -> None:
        sinks: list[RecordingSink] = []
        assert await served(sinks, encode(GetWork()), trusted=False) == [None]
        assert any("not on the client trust list" in message for message in sinks[0].messages())

    in_loop(check())


@pytest.mark.parametrize("frame", [b"", b"\xc1", b"\x91\x07", b"\x92\x01\x90", encode(NoWork(1.0))])
def test_malformed_call_closes_the_connection(frame: bytes) -> None:
    async def check() -> None:
        sinks: list[RecordingSink] = []
        assert await served(sinks, frame, encode(GetWork())) == [None, None]
        assert any("Closing a client port connection" in message for message in sinks[0].messages())

    in_loop(check())


def test_calls_survive_the_wire() -> None:
    call = WorkFailed((bytes(32),), "no luck")

    assert decode_call(encode(call)) == call
    with pytest.raises(MalformedWorkerFrame, match="a frame of 3 bytes"):
        decode_reply(b"abc")

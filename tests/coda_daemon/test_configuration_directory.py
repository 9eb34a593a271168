"""Files that a daemon rewrites, leaves or warns about, in virtual time (daemon contract A.2, A.3, A.5, A.7, B.2)."""

import asyncio
import io
import json
import tarfile
from typing import Any

import msgspec
import pytest
from tests.coda_daemon.test_daemon import in_world
from tests.coda_daemon.worlds import Machine, World, config_for, memory_log

from coda_daemon import daemon as daemon_module
from coda_daemon.log_sinks import LogFiles
from coda_protocol.key_files import write_private_key
from coda_protocol.runtime_config import EpochData, EpochLedger, encode
from coda_protocol.sample_keys import sample_keypair
from coda_protocol.secret_box import ENTROPY_BYTES
from coda_protocol.structured_events import Level

SEED = ("-seed", "-log-json", "-config-directory", "/node", "-config-file", "/config.json")


def read(machine: Machine, path: str) -> bytes:
    return machine.host().store.read(path)


def messages(machine: Machine) -> list[str]:
    return [line["message"] for line in machine.log]


def test_a_configuration_of_the_very_old_style_is_rewritten_in_place() -> None:
    async def check(world: World) -> None:
        machine = world.machine("node")
        old = {**json.loads(encode(config_for(1))), "client-port": 9301, "peers": []}
        machine.write("/config.json", json.dumps(old).encode())

        daemon = machine.start(*SEED)
        await asyncio.sleep(2)

        status = await daemon.post("{ daemonStatus { addrsAndPorts { clientPort } } }")
        assert status["data"]["daemonStatus"]["addrsAndPorts"] == {"clientPort": 9301}
        new = json.loads(read(machine, "/config.json"))
        assert new["daemon"] == {"client-port": 9301, "peers": []}
        assert set(new) == set(old) - {"client-port", "peers"} | {"daemon"}
        assert sum("has settings at top level" in message for message in messages(machine)) == 1

    in_world(check)


def test_a_configuration_of_today_is_left_alone() -> None:
    async def check(world: World) -> None:
        machine = world.machine("node")
        content = b" " + encode(config_for(1))
        machine.write("/config.json", content)

        machine.start(*SEED)
        await asyncio.sleep(2)

        assert read(machine, "/config.json") == content
        assert not any("at top level" in message for message in messages(machine))

    in_world(check)


def test_the_environments_password_wins_over_the_command_lines_with_a_warning() -> None:
    async def check(world: World) -> None:
        machine = world.machine("node")
        machine.write("/config.json", encode(config_for(1)))
        key = write_private_key(sample_keypair(1).private, "right", entropy=bytes(ENTROPY_BYTES))
        machine.write("/keys/bp", key, mode=0o600)
        flags = ("-block-producer-key", "/keys/bp", "-block-producer-password", "other")

        daemon = machine.start(*SEED, *flags, MINA_PRIVKEY_PASS="right")
        await asyncio.sleep(2)

        assert not daemon.task.done()
        assert sum("using the environment's" in message for message in messages(machine)) == 1

    in_world(check)


def test_the_producers_key_may_come_by_its_name_of_2020() -> None:
    async def check(world: World) -> None:
        machine = world.machine("node")
        machine.write("/config.json", encode(config_for(1)))
        daemon = machine.start(*SEED, CODA_PRIVKEY=sample_keypair(1).private.reveal())
        await asyncio.sleep(2)
        status = await daemon.post("{ daemonStatus { blockProductionKeys } }")
        assert status["data"]["daemonStatus"]["blockProductionKeys"] == [str(sample_keypair(1).public)]

    in_world(check)


def test_the_configuration_in_force_has_the_roots_of_all_its_ledgers() -> None:
    async def check(world: World) -> None:
        machine = world.machine("node")
        config = config_for(2)
        assert config.ledger is not None
        assert config.ledger.accounts is not None
        staking = EpochLedger(accounts=config.ledger.accounts[:1])
        config = msgspec.structs.replace(config, epoch_data=EpochData(staking=staking))
        machine.write("/config.json", encode(config))
        daemon = machine.start(*SEED)
        await asyncio.sleep(2)

        shown = (await daemon.post("{ runtimeConfig }"))["data"]["runtimeConfig"]

        text = (
            "{ genesisBlock { protocolState { consensusState { stakingEpochData { ledger { hash } } } } } }"
        )
        genesis = (await daemon.post(text))["data"]["genesisBlock"]["protocolState"]["consensusState"]
        assert shown["epoch_data"]["staking"]["hash"] == genesis["stakingEpochData"]["ledger"]["hash"]
        assert shown["ledger"]["hash"] != shown["epoch_data"]["staking"]["hash"]

    in_world(check)


def test_a_crash_leaves_a_report(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: Any) -> int:
        raise RuntimeError("planted")

    async def check(world: World) -> None:
        machine = world.machine("node")
        machine.write("/config.json", encode(config_for(1)))
        with pytest.raises(RuntimeError, match="planted"):
            await daemon_module.run_daemon(SEED, machine.host())

        store = machine.host().store
        (report,) = [name for name in store.list_directory("/node") if name.startswith("coda_crash_report_")]
        assert report.endswith(".tar.gz")
        with tarfile.open(fileobj=io.BytesIO(store.read(f"/node/{report}"))) as tar:
            log = tar.extractfile("mina.log")
            assert log is not None
            assert b"planted" in log.read()

    monkeypatch.setattr(daemon_module, "_run_node", broken)
    in_world(check)


def test_rejected_blocks_have_a_log_of_their_own() -> None:
    async def check(world: World) -> None:
        host = world.machine("node").host()
        files = LogFiles(
            host.store,
            host.console,
            "/logs",
            level=Level.TRACE,
            rotations=1,
            at_end_of_step=host.at_end_of_step,
        )
        host.store.make_directory("/logs")
        log, _ = memory_log(host)
        log._sinks = files.sinks
        rejecting = "Rejecting block $state_hash from $sender: $error"

        log.faulty_peer("Transition_handler", rejecting, state_hash="3N", sender="x", error="y")
        log.faulty_peer("Transition_handler", "$peer sent a malformed block", peer="x")
        files.flush()

        (line,) = host.store.read("/logs/mina-rejected-blocks.log").splitlines()
        assert json.loads(line)["message"] == rejecting

    in_world(check)

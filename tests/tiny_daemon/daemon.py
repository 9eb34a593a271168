"""A second daemon, small, written from the daemon contract alone: what an executive may rely on is here, and
what it may not is different. It takes all that it needs from a host, as the structural ports want it.
"""

import asyncio
import json
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from tests.tiny_daemon import graphql, words
from tests.tiny_daemon.chain import Block, Constants, Frontier, ticket, wins

SWITCHES = ("seed", "demo-mode", "log-json", "insecure-rest-server")
VALUED = (
    *("config-directory", "config-file", "genesis-ledger-dir", "generate-genesis-proof", "proof-level"),
    *("peer", "libp2p-keypair", "external-ip", "external-port", "bind-ip", "client-port", "rest-port"),
    *("metrics-port", "block-producer-key", "coinbase-receiver", "log-level", "file-log-level"),
    *("log-snark-work-gossip", "log-txn-pool-gossip", "start-filtered-logs", "enable-flooding"),
    *("run-snark-coordinator", "snark-worker-fee", "work-selection", "work-reassignment-wait"),
    "archive-address",
)
LEVELS = ("internal", "spam", "trace", "debug", "info", "warn", "error", "faulty_peer", "fatal")
DIAL_SECONDS = 0.1


@dataclass(frozen=True)
class Patience:
    """How long it looks for peers at its start, in seconds, and how many are enough (A.10)."""

    seconds: float = 5.0
    enough: int = 1


AS_THE_CONTRACT_SAYS = Patience(seconds=60.0, enough=5)


class UserError(Exception):
    """Exit 1 with a banner (A.8)."""


@dataclass
class Flags:
    given: dict[str, list[str]]

    @classmethod
    def parse(cls, words_: Sequence[str]) -> "Flags":
        given: dict[str, list[str]] = {}
        rest = iter(words_)
        for word in rest:
            name = word.lstrip("-")
            if not word.startswith("-") or name not in (*SWITCHES, *VALUED):
                raise UserError(f"unknown flag {word}\nusage: tiny daemon [-flag value] …")
            given.setdefault(name, []).append("" if name in SWITCHES else next(rest, ""))
        return cls(given)

    def check(self) -> None:
        if not {"seed", "peer", "demo-mode"} & set(self.given):
            raise UserError(
                "No peers were given.\n\nPass one of -peer, -peer-list-file, -seed, -peer-list-url."
            )

    def __getitem__(self, name: str) -> str | None:
        values = self.given.get(name)
        return values[-1] if values else None


class Node:
    """One life of the daemon."""

    def __init__(self, flags: Flags, host: Any, patience: Patience) -> None:
        self.flags, self.host, self.patience = flags, host, patience
        self.directory = flags["config-directory"] or f"{host.environment['HOME']}/.mina-config"
        self.lines = 0
        self.peers: dict[str, Any] = {}  # connections, by peer id
        self.about: dict[str, dict[str, Any]] = {}
        self.status = "CONNECTING"
        self.is_initialized = False
        self.orphans: list[Block] = []
        self.roots_heard: list[dict[str, Any]] = []
        self.dialled: set[str] = set()
        self.gating: dict[str, Any] = {"isolate": False, "bannedPeers": [], "trustedPeers": []}
        self.group: asyncio.TaskGroup | None = None
        self.tasks: list[asyncio.Task[None]] = []
        key_file = flags["libp2p-keypair"]
        self.peer_id = self._text(f"{key_file}.peerid") if key_file else "12D3KooWTiny"
        producer = flags["block-producer-key"]
        self.key = self._text(f"{producer}.pub") if producer else None
        self.configuration = self._configured()
        self.frontier = self._frontier()

    # ---- what it writes ----

    def log(self, level: str, message: str, event_id: str | None = None, **metadata: Any) -> None:
        """Keys in an order of its own, spaces, members that nobody asked for."""
        self.lines += 1
        line: dict[str, Any] = {"metadata": {**metadata, "pid": self.host.pid, "line": self.lines}}
        if event_id is not None:
            line["event_id"] = event_id
        line |= {"message": message, "level": level, "colour": None}
        if level != "Spam":
            line["source"] = {"location": 'File "tiny.ml", line 1, characters 0-1', "module": "Tiny"}
        line["timestamp"] = words.log_time(self.host.clock.time_ns())
        self.host.console.out(json.dumps(line))

    def tell(self, event: str, **metadata: Any) -> None:
        event_id, level, message, _ = words.EVENTS[event]
        self.log(level, message, event_id, **metadata)

    # ---- what it is given ----

    def _text(self, path: str) -> str:
        return str(self.host.store.read(path).decode().strip())

    def _configured(self) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        for path in self.flags.given.get("config-file", []):
            try:
                found = json.loads(self.host.store.read(path))
            except (OSError, ValueError) as error:
                raise UserError(f"Could not parse configuration file: {path}: {error}") from error
            for section, content in found.items():
                if section in ("daemon", "genesis", "proof"):
                    merged.setdefault(section, {}).update(content)
                else:
                    merged[section] = content
        return merged

    def _frontier(self) -> Frontier:
        genesis, proof = self.configuration.get("genesis", {}), self.configuration.get("proof", {})
        accounts = self.configuration.get("ledger", {}).get("accounts", [])
        total = sum(float(account["balance"]) for account in accounts) or 1.0
        shares: dict[str, float] = {}
        for account in accounts:
            staker = account.get("delegate") or account["pk"]
            shares[staker] = shares.get(staker, 0.0) + float(account["balance"]) / total
        constants = Constants(
            genesis_ms=words.milliseconds(genesis["genesis_state_timestamp"]),
            slot_ms=proof.get("block_window_duration_ms", 180_000),
            k=genesis.get("k", 290),
            slots_per_epoch=genesis.get("slots_per_epoch", 7140),
            shares=shares,
        )
        return Frontier(constants, json.dumps(self.configuration, sort_keys=True))

    # ---- its life ----

    async def run(self) -> int:
        store, lock = self.host.store, f"{self.directory}/.mina-lock"
        store.make_directory(self.directory)
        store.write(lock, f"{self.host.pid}\n".encode())
        self.host.console.err("libp2p_helper: hello, I am no JSON")
        self.log("Info", "Mina daemon is booting up; built with commit $commit", commit=words.COMMIT)
        self.log("Spam", "no source here")
        self.log("Info", "of an id that no dump has", words.UNLISTED_ID)
        self.tell("Tea_is_ready", pot=["Blue", 1], **{"$duplicated_keys": ["pot"]})
        self.tell("Connecting")
        rest = await self.host.http.serve("127.0.0.1", int(self.flags["rest-port"] or 3085), self._answer)
        bind = self.flags["bind-ip"] or "0.0.0.0"
        gossip = await self.host.transport.listen(bind, int(self.flags["external-port"] or 8302), self._talk)
        self.log(
            "Info", "Created GraphQL server at: http://localhost:$port/graphql", port=self.flags["rest-port"]
        )
        self.log("Info", "Daemon ready. Clients can now connect")
        async with asyncio.TaskGroup() as self.group:
            for peer in self.flags.given.get("peer", []):
                self._keep_dialling(peer)
            self._go_on(self._take_part())
            signal = await self.host.interrupted()
            self.log("Info", "Mina process was interrupted by $signal", signal=signal)
            for task in self.tasks:
                task.cancel()
        for listener in (rest, gossip):
            listener.close()
        for connection in list(self.peers.values()):
            connection.close()
        store.remove(lock)
        return 130

    def _go_on(self, work: Coroutine[Any, Any, None]) -> None:
        assert self.group is not None
        self.tasks.append(self.group.create_task(work))

    def now_ms(self) -> float:
        return float(self.host.clock.time_ns()) / 1e6

    async def _until(self, time_ms: float) -> None:
        while (rest := (time_ms - self.now_ms()) / 1000) > 0:
            await asyncio.sleep(min(rest, 0.5))  # the clock may be moved

    async def _take_part(self) -> None:
        constants = self.frontier.constants
        await self._until(constants.genesis_ms)
        if self.flags["seed"] is None:
            until = self.now_ms() + 1000 * self.patience.seconds
            while len(self.peers) < self.patience.enough and self.now_ms() < until:
                await asyncio.sleep(DIAL_SECONDS)
        self._load()
        self.is_initialized = True
        self.tell("Starting_transition_frontier_controller")
        self._catch_up()
        for orphan in sorted(self.orphans, key=lambda block: block.height):
            await self._take(orphan, None)
        if self.key is None:
            return
        for slot in count(self.frontier.slot_at(self.now_ms())):
            await self._until(constants.genesis_ms + slot * constants.slot_ms)
            if slot > self.frontier.tip.slot and slot == self.frontier.slot_at(self.now_ms()):
                await self._try_to_produce(slot, self.key)

    def _load(self) -> None:
        path = f"{self.directory}/blocks.json"
        if not self.host.store.exists(path):
            self.tell("Persisted_frontier_fresh_boot")
            return
        saved = json.loads(self.host.store.read(path))
        if saved["genesis"] == self.frontier.genesis.name:
            for each in saved["blocks"]:
                self.frontier.add(Block(**each))
        self.tell("Persisted_frontier_loaded")
        self._tell_tip(self.frontier.path()[0], self.frontier.path()[1:])

    async def _try_to_produce(self, slot: int, key: str) -> None:
        drawn = ticket(self.frontier.genesis.name, slot, key)
        if not wins(drawn, self.frontier.constants.shares.get(key, 0.0)):
            return
        tip = self.frontier.tip
        block = Block(tip.name, tip.height + 1, slot, key, drawn)
        self.tell("Block_produced", breadcrumb=self._breadcrumb(block))
        await self._take(block, None)
        self.tell("Gossip_new_state", state_hash=block.name)

    async def _take(self, block: Block, sender: str | None) -> None:
        """Into the frontier, if it belongs there, and on to the others."""
        if block.name in self.frontier.blocks:
            return
        old = self.frontier.tip
        diffs = self.frontier.add(block)
        if diffs is None:
            self.orphans.append(block)
            return
        self.tell("Added_breadcrumb_user_commands", state_hash=block.name, user_commands=[])
        self.tell("Applying_diffs", diffs=diffs)
        if sender is not None:
            self.tell("Rebroadcast_transition", state_hash=block.name)
        if self.frontier.tip is block:
            self._tell_tip(old, [block])
            self._save()
            if self.status != "SYNCED":
                self.status = "SYNCED"
                self.tell("Synced")
        await self._send_to_all({"block": block.to_json()}, sender)
        waiting, self.orphans = self.orphans, []
        for orphan in waiting:
            await self._take(orphan, sender)

    def _tell_tip(self, old: Block, added: list[Block]) -> None:
        is_reorg = bool(added) and added[0].parent != old.name
        self.tell(
            "New_best_tip_event",
            reorg_best_tip=is_reorg,
            removed_transitions=[self._transition(old)] if is_reorg else [],
            added_transitions=[self._transition(block) for block in added],
        )

    def _save(self) -> None:
        blocks = sorted(self.frontier.blocks.values(), key=lambda block: block.height)
        content = {"genesis": self.frontier.genesis.name, "blocks": [block.to_json() for block in blocks]}
        self.host.store.write(f"{self.directory}/blocks.json", json.dumps(content).encode())

    # ---- JSON of blocks (C.3): whole numbers in place of texts, 1.x names ----

    def _state(self, block: Block) -> dict[str, Any]:
        per_epoch = self.frontier.constants.slots_per_epoch
        consensus = {
            "block_creator": block.creator,
            "block_stake_winner": block.creator,
            "curr_global_slot": {"slot_number": block.slot, "slots_per_epoch": per_epoch},
            "epoch_count": block.slot // per_epoch,
            "blockchain_length": block.height,
        }
        return {"body": {"consensus_state": consensus}, "previous_state_hash": block.parent}

    def _transition(self, block: Block) -> dict[str, Any]:
        return {"just_emitted_a_proof": False, "state_hash": block.name, "protocol_state": self._state(block)}

    def _breadcrumb(self, block: Block) -> dict[str, Any]:
        transition = {"hash": block.name, "data": {"protocol_state": self._state(block)}}
        return {"just_emitted_a_proof": False, "validated_transition": transition}

    # ---- gossip, in a protocol of its own (A.6) ----

    def _keep_dialling(self, address: str) -> None:
        if address not in self.dialled:
            self.dialled.add(address)
            self._go_on(self._dial(address))

    async def _dial(self, address: str) -> None:
        try:
            _, _, host, _, port, _, peer_id = address.split("/")
        except ValueError:
            raise UserError(f"invalid multiaddress {address}") from None
        while True:
            if peer_id not in self.peers:
                with suppress(OSError, ValueError):
                    await self._talk(await self.host.transport.connect(host, int(port)))
            await asyncio.sleep(DIAL_SECONDS)

    def _me(self) -> dict[str, Any]:
        return {
            "id": self.peer_id,
            "genesis": self.frontier.genesis.name,
            "host": self.flags["external-ip"],
            "port": int(self.flags["external-port"] or 8302),
        }

    async def _talk(self, connection: Any) -> None:
        await connection.send(json.dumps(self._me()).encode())
        hello = await connection.receive()
        other: dict[str, Any] = json.loads(hello) if hello else {"genesis": None}
        if other["genesis"] != self.frontier.genesis.name or not self._may_talk_to(other["id"]):
            connection.close()
            return
        self.peers[other["id"]] = connection
        self.about[other["id"]] = other
        if self.status == "CONNECTING":
            self.status = "LISTENING"
            self.tell("Listening")
        try:
            path = self.frontier.path()
            if self.is_initialized:
                root = {"root": path[0].to_json(), "height": path[-1].height}
                await connection.send(json.dumps(root).encode())
            for block in path[1:]:
                await connection.send(json.dumps({"block": block.to_json()}).encode())
            await self._send_to_all({"peers": [_address(self.about[name]) for name in self.peers]}, None)
            while (frame := await connection.receive()) is not None:
                await self._hear(json.loads(frame), other)
        finally:
            connection.close()
            if self.peers.get(other["id"]) is connection:
                del self.peers[other["id"]]

    def _may_talk_to(self, peer_id: str) -> bool:
        """Only trusted peers in isolation, otherwise all but banned ones (D.5)."""
        named = self.gating["trustedPeers" if self.gating["isolate"] else "bannedPeers"]
        is_named = peer_id in [peer["peerId"] for peer in named]
        return is_named is bool(self.gating["isolate"])

    def _set_gating(self, arguments: dict[str, Any]) -> dict[str, Any]:
        wanted = arguments["input"]
        self.gating = {name: wanted[name] for name in ("isolate", "bannedPeers", "trustedPeers")}
        for peer_id, connection in list(self.peers.items()):
            if not self._may_talk_to(peer_id):
                del self.peers[peer_id]
                connection.close()
        return self.gating

    async def _hear(self, said: dict[str, Any], other: dict[str, Any]) -> None:
        for address in said.get("peers", ()):
            if self.peer_id < address.rpartition("/")[2]:  # one of the two dials
                self._keep_dialling(address)
        if "root" in said:
            self.roots_heard.append(said)
            if self.is_initialized:
                self._catch_up()
        if "block" in said:
            block = Block(**said["block"])
            if block.name not in self.frontier.blocks:
                sender = {"peer_id": other["id"], "libp2p_port": other["port"], "host": other["host"]}
                self.tell("Block_received", sender={"Remote": sender}, state_hash=block.name)
                await self._take(block, other["id"])

    def _catch_up(self) -> None:
        """Look at what others said of their chains, the longest last: it may have come too early to be of use."""
        said, self.roots_heard = self.roots_heard, []
        for each in sorted(said, key=lambda each: int(each["height"])):
            root = Block(**each["root"])
            if root.name not in self.frontier.blocks and each["height"] > self.frontier.tip.height:
                self._bootstrap(root)

    def _bootstrap(self, root: Block) -> None:
        """Begin again at the root of one who is further on than can be caught up with (I.4)."""
        for event in ("Bootstrap_required", "Starting_bootstrap_controller", "Bootstrapping"):
            self.tell(event)
        self.frontier.begin_at(root)
        self.status = "BOOTSTRAP"
        for event in (
            "Snarked_ledger_synced",
            "Bootstrap_complete",
            "Starting_transition_frontier_controller",
        ):
            self.tell(event)

    async def _send_to_all(self, message: dict[str, Any], but: str | None) -> None:
        for peer_id, connection in list(self.peers.items()):
            if peer_id != but:
                try:
                    await connection.send(json.dumps(message).encode())
                except OSError:
                    self.peers.pop(peer_id, None)

    # ---- GraphQL ----

    async def _answer(self, request: Any) -> "Reply":
        if request.path != "/graphql":
            return Reply(404, b"Route not found")
        return Reply(*graphql.answer(request.body, self._roots()))

    def _roots(self) -> dict[str, graphql.Resolver]:
        return {
            "syncStatus": lambda _: self.status,
            "getPeers": lambda _: self._peers(),
            "genesisConstants": lambda _: {
                "genesisTimestamp": words.log_time(self.frontier.constants.genesis_ms * 1_000_000)
            },
            "daemonStatus": lambda _: self._daemon_status(),
            "bestChain": self._best_chain,
            "trackedAccounts": lambda _: [{"publicKey": key} for key in self._wallet()],
            "connectionGatingConfig": lambda _: self.gating,
            "setConnectionGatingConfig": self._set_gating,
            "createAccount": lambda _: self._create_account(),
        }

    def _peers(self) -> list[dict[str, Any]]:
        return [_peer(self.about[name]) for name in self.peers]

    def _daemon_status(self) -> dict[str, Any]:
        tip = self.frontier.tip if self.is_initialized else None
        return {
            "syncStatus": self.status,
            "blockchainLength": tip and tip.height,
            "highestBlockLengthReceived": self.frontier.tip.height,
            "stateHash": tip and tip.name,
            "globalSlotSinceGenesisBestTip": tip and tip.slot,
            "uptimeSecs": 1,
            "commitId": words.COMMIT,
            "peers": self._peers(),
            "addrsAndPorts": {"peer": _peer(self._me())},
        }

    def _best_chain(self, arguments: dict[str, Any]) -> list[dict[str, Any]]:
        if not self.is_initialized:
            raise graphql.Fault("Could not obtain best chain from transition frontier")
        path, most = self.frontier.path(), arguments.get("maxLength")
        return [
            {
                "stateHash": block.name,
                "creatorAccount": {"publicKey": block.creator},
                "protocolState": {
                    "previousStateHash": block.parent,
                    "consensusState": {
                        "blockHeight": str(block.height),
                        "slotSinceGenesis": str(block.slot),
                    },
                },
            }
            for block in (path[-most:] if most and most < len(path) else path)
        ]

    def _wallet(self) -> list[str]:
        path = f"{self.directory}/wallets/store"
        return [name[:-4] for name in self.host.store.list_directory(path) if name.endswith(".pub")]

    def _create_account(self) -> dict[str, str]:
        key = words.base58check(0xCB, b"\1\1" + bytes([len(self._wallet())]) * 33)
        path = f"{self.directory}/wallets/store"
        self.host.store.make_directory(path)
        try:
            self.host.store.write(f"{path}/{key}.pub", f"{key}\n".encode())
        except OSError as error:
            raise graphql.Fault(str(error)) from error
        return {"publicKey": key}


def _peer(about: dict[str, Any]) -> dict[str, Any]:
    return {"peerId": about["id"], "host": about["host"], "libp2pPort": about["port"]}


def _address(about: dict[str, Any]) -> str:
    return f"/ip4/{about['host']}/tcp/{about['port']}/p2p/{about['id']}"


@dataclass(frozen=True)
class Reply:
    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    talk: None = None


async def run(arguments: Sequence[str], host: Any, patience: Patience = Patience()) -> int:
    """One life; `arguments` follow `daemon`. Answers the exit code (A.8)."""
    try:
        flags = Flags.parse(arguments)
        level = flags["log-level"]
        if level is not None and level.lower() not in LEVELS:
            host.console.err(f"Received unknown log-level {level}. Expected one of: {' '.join(LEVELS)}")
            return 14
        flags.check()
        return await Node(flags, host, patience).run()
    except UserError as error:
        for line in ("Mina Daemon", "encountered a configuration error", *str(error).split("\n")):
            host.console.err(line)
        return 1


async def work(arguments: Sequence[str], host: Any) -> int:
    """A SNARK worker that never is given any work (H). TINY_WORKER=broken makes it fail."""
    del arguments
    if host.environment.get("TINY_WORKER") == "broken":
        host.console.err("tiny: the worker is broken")
        return 1
    host.console.out("No jobs available. Napping for 6 seconds")
    await host.interrupted()
    return 0

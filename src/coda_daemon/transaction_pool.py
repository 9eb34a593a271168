"""The transaction pool of a running node: the mempool with its gossip, its log events and its limits (daemon
contract C.4, I.5).

A message of the topic holds commands by their transaction ids. The round in it sets a message apart from
earlier ones with the same commands, which peers would take for the same again.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Annotated, Final

import msgspec

from coda_daemon.block_json import fee_payer_summary
from coda_daemon.frontier.frontier import BestTipChange
from coda_daemon.gossip.peer import Peer
from coda_daemon.ledger.command import Command, parse_command
from coda_daemon.log import Log
from coda_daemon.mempool import Mempool, PoolRules, RejectedError, Rejection, View
from coda_daemon.network import Network
from coda_daemon.profile import Profile
from coda_protocol import structured_events
from coda_protocol.constants import Constants
from coda_protocol.format_error import FormatError
from coda_protocol.hashes import TransactionHash
from coda_protocol.libp2p_keys import PeerId
from coda_protocol.signatures import SignatureKind
from coda_protocol.slots import GlobalSlot

TOPIC: Final = "transactions"
_MODULE: Final = "Network_pool__Transaction_pool"
_MOST_IN_MESSAGE: Final = 100
_KNOWN_PEERS: Final = 1000

_Id = Annotated[str, msgspec.Meta(max_length=1024)]


class _Diff(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    round: Annotated[int, msgspec.Meta(ge=0)]
    commands: Annotated[tuple[_Id, ...], msgspec.Meta(min_length=1, max_length=_MOST_IN_MESSAGE)]


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Diff)


class TransactionPool:
    """The pool of one node. Not kept over a restart. The counters are those of GraphQL `metrics`."""

    def __init__(
        self,
        constants: Constants,
        kind: SignatureKind,
        log: Log,
        profile: Profile,
        *,
        logs_gossip: bool,
        blame: Callable[[Peer, str], None],
    ) -> None:
        """`blame` is told of peers that break the rules, and which (daemon contract D.5, trust)."""
        before = constants.fork.global_slot_since_genesis if constants.fork else 0
        slot_tx_end = None if constants.slot_tx_end is None else GlobalSlot(before + constants.slot_tx_end)
        minimum_fee = int(constants.minimum_transaction_fee)
        self.commands = Mempool(PoolRules(constants.txpool_max_size, minimum_fee, kind, slot_tx_end))
        self.commands_sent = 0  # attempts of this node's users, successful or not
        self.diffs_received = 0
        self.diffs_broadcast = 0
        self.commands_added = 0
        self._log = log
        self._profile = profile
        self._logs_gossip = logs_gossip
        self._blame = blame
        self._own: dict[TransactionHash, Command] = {}
        self._round = 0
        self._news = asyncio.Event()
        self._taken: dict[PeerId, deque[float]] = {}

    def __repr__(self) -> str:
        return f"<TransactionPool {len(self.commands)} commands, {len(self._own)} of them its own>"

    def submit(self, command: Command, view: View, network: Network) -> None:
        """Add a user's command and gossip it; one that is there already is just gossiped. Raises RejectedError."""
        if command not in self.commands:
            try:
                self.commands.add(command, view)
            except RejectedError as error:
                self._log.event(
                    structured_events.REJECTING_COMMAND_FOR_REASON,
                    command=command.id,
                    reason=[error.reason],
                    error_extra=str(error),
                )
                raise
            self.commands_added += 1
        self._own[command.hash] = command
        self._news.set()
        self._publish([command], network)

    def receive(self, peer: Peer, payload: bytes, view: View | None) -> bool:
        """Take in a gossiped message; True when some of it was new and good."""
        try:
            commands = [parse_command(identity) for identity in _decoder.decode(payload).commands]
        except (msgspec.DecodeError, UnicodeDecodeError, FormatError) as error:
            self._log.faulty_peer(
                _MODULE, "$peer sent malformed commands: $error", peer=str(peer), error=str(error)
            )
            self._blame(peer, "Decoding_failed")
            return False
        self.diffs_received += 1
        if self._logs_gossip:
            self._log.event(
                structured_events.TRANSACTIONS_RECEIVED,
                fee_payer_summaries=[fee_payer_summary(command) for command in commands],
                sender=peer.sender_json,
            )
        if view is None:
            return False
        taken = [self._take(peer, command, view) for command in commands]
        return any(taken)

    def _take(self, peer: Peer, command: Command, view: View) -> bool:
        if command in self.commands:
            return False
        if self._is_overloading(peer):
            self._log.debug(
                _MODULE,
                "Rejecting commands of $peer because: $reason",
                peer=str(peer),
                reason=[Rejection.OVERLOADED],
            )
            return False
        try:
            self.commands.add(command, view)
        except RejectedError as error:
            if error.reason is Rejection.INVALID_SIGNATURE:
                self._log.faulty_peer(
                    _MODULE, "$peer sent a forged command: $error", peer=str(peer), error=str(error)
                )
                self._blame(peer, "Sent_invalid_signature")
            else:
                self._log.debug(
                    _MODULE, "Not taking a command of $peer: $error", peer=str(peer), error=str(error)
                )
            return False
        self.commands_added += 1
        return True

    def _is_overloading(self, peer: Peer) -> bool:
        """Note a command of a peer; whether it sends more than it may."""
        now = asyncio.get_running_loop().time()
        taken = self._taken.pop(peer.peer_id, None)
        if taken is None:
            taken = deque(maxlen=self._profile.gossiped_commands)
        self._taken[peer.peer_id] = taken
        if len(self._taken) > _KNOWN_PEERS:
            del self._taken[next(iter(self._taken))]
        if len(taken) == taken.maxlen and now - taken[0] < self._profile.gossiped_commands_window:
            return True
        taken.append(now)
        return False

    def follow(self, change: BestTipChange, view: View) -> None:
        """The best tip changed."""
        self.commands.follow(view, added=change.added, removed=change.removed)

    def reset(self, view: View) -> None:
        """There is another frontier."""
        self.commands.reset(view)

    async def rebroadcast(self, network: Network) -> None:
        """Gossip this node's own commands from time to time until they are included; until cancelled."""
        while True:
            if not self._own:
                self._news.clear()
                await self._news.wait()
            await asyncio.sleep(self._profile.rebroadcast)
            # What is in a block comes back when that block leaves the chain, and is still this node's own.
            waiting = [command for command in self._own.values() if command in self.commands]
            if len(self._own) > self.commands.rules.max_size:
                self._own = {command.hash: command for command in waiting}
            # No more than a peer takes at once; the oldest first, for the later ones wait for their nonces.
            if waiting := waiting[: self._profile.gossiped_commands]:
                self._round += 1
                self._publish(waiting, network)

    def _publish(self, commands: list[Command], network: Network) -> None:
        self.diffs_broadcast += 1
        if self._logs_gossip:
            self._log.event(
                structured_events.GOSSIP_TRANSACTION_POOL_DIFF,
                fee_payer_summaries=[fee_payer_summary(command) for command in commands],
            )
        diff = _Diff(self._round, tuple(command.id for command in commands))
        network.publish(TOPIC, _encoder.encode(diff))

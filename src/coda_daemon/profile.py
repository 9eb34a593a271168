"""Every wall-clock constant of a daemon, as a named field (daemon contract A.9, A.10, D.7, C, D.4).

`mainnet()` holds the contract's values. `dev(slot_ms)` is for tests: what a real network bears with for
minutes is scaled to the slot, so that a network of two-second slots is as quick as its slots allow.
Environment `CODA_PROFILE` chooses. All times are in seconds unless a name says otherwise.

Where `dev` differs, and why:

* it does not wait for five peers, of which a small network has fewer: a node starts initialising once it is
  linked to every seed it was given and no new peer came for `peers_quiet`, or has five peers after all; the cap
  of 60 s becomes one slot, but at most 10 s;
* a node that meets no peer at all gives up after 30 s or five slots, whichever is more: its seed may start
  after it;
* the timers of offline nodes and gossip silence shrink in the proportion of the slot to
  mainnet's three minutes, but not below what a busy machine can stall for;
* own commands are gossiped again, commands of a peer refused as too many, and a node past its stop time stops,
  in the same proportion;
* a block is offered to a silent archive again sooner;
* links are dialled again sooner, and a silent one is probed after two slots: a block each slot tells enough;
* a node stops by itself only if `-stop-time` was given: a test may cover weeks of virtual time;
* a ban lasts as many slots as on mainnet, but a minute at least.
"""

from collections.abc import Mapping
from dataclasses import dataclass

MAINNET_SLOT_MS = 180_000
# Medians of `consensus.building.validated` on one core of 2026, in seconds: 0.26 ms for an empty block, 0.43 ms with
# a command.
_BLOCK_WORK, _COMMAND_WORK = 0.000_26, 0.000_17


@dataclass(frozen=True, slots=True)
class Profile:
    """The constants of one daemon; `name` is what `CODA_PROFILE` said."""

    name: str

    # Initialisation (A.10)
    initial_peers: int | None  # connections to wait for; None: linked to all given seeds, and quiet
    initial_peers_cap: float  # then go on without them
    peers_quiet: float  # no new peer for this long counts as quiet
    first_peer_limit: float  # without a single peer by then, a node that is no seed exits 1 (A.9)
    best_tip_peers: int  # peers asked for their best tip before a frontier is loaded

    # Sync status and silence (A.9, D.7)
    offline_slots: int  # slots without a block until OFFLINE
    offline_restart: float  # OFFLINE for so long: the links are dialled afresh
    offline_shutdown: float  # OFFLINE for so long after that: shutdown
    no_gossip_warning: float  # no gossip at all: a line about port forwarding
    bootstrap_limit: float  # bootstrapping for so long: shutdown
    catchup_gap: int  # blocks behind the highest received that count as CATCHUP
    stop_hours: int | None  # `-stop-time` where it is not given; None: never (A.2)
    stop_margin: float  # after `-stop-time`, a node stops that makes no block for so long

    # Catchup and bootstrap
    catchup_retry: float  # between two rounds of asking for missing blocks
    request_limit: float  # for one answer of a peer

    # Transaction pool (I.5)
    worker_nap: float  # a SNARK worker without work rests so long, up to half as much more (H)
    rebroadcast: float  # between two rounds of gossiping this node's own commands again
    gossiped_commands: int  # taken from one peer …
    gossiped_commands_window: float  # … in so many seconds

    archive_retry: float  # between two of the five attempts to send a block to an archive (G.1)

    # Processor time that a simulated host accounts for (ours); on an operating system it passes by itself
    block_work: float  # to check a block and apply it …
    command_work: float  # … and each command in it, whose signature was checked when it came

    # Gossip links (ours: the contract leaves them to libp2p)
    connect_limit: float  # for one dial, handshake included
    redial_first: float  # doubles with every third failure …
    redial_most: float  # … up to this
    ban: float  # how long a peer that broke the rules is kept out
    # A link silent for so long or up to twice that is probed by the end that dialled it, by the other an interval
    # later; if it stays silent for one more, it is closed.
    keep_alive: float


def mainnet() -> Profile:
    return Profile(
        name="mainnet",
        initial_peers=5,
        initial_peers_cap=60.0,
        peers_quiet=1.0,
        first_peer_limit=60.0,
        best_tip_peers=16,
        offline_slots=8,
        offline_restart=300.0,
        offline_shutdown=1500.0,
        no_gossip_warning=900.0,
        bootstrap_limit=7200.0,
        catchup_gap=5,
        stop_hours=168,
        stop_margin=3600.0,
        catchup_retry=15.0,
        request_limit=30.0,
        worker_nap=5.0,
        rebroadcast=300.0,
        gossiped_commands=10,
        gossiped_commands_window=15.0,
        archive_retry=1.0,
        block_work=_BLOCK_WORK,
        command_work=_COMMAND_WORK,
        connect_limit=20.0,
        redial_first=0.5,
        redial_most=60.0,
        ban=86_400.0,
        keep_alive=30.0,
    )


def dev(slot_ms: int) -> Profile:
    """Values for tests on a network whose slots last `slot_ms` milliseconds."""
    slot = slot_ms / 1000
    scale = min(1.0, slot_ms / MAINNET_SLOT_MS)
    return Profile(
        name="dev",
        initial_peers=None,
        initial_peers_cap=min(10.0, slot),
        peers_quiet=min(0.1, slot / 20),
        first_peer_limit=max(30.0, 5 * slot),
        best_tip_peers=16,
        offline_slots=8,
        offline_restart=max(30.0, 300 * scale, 12 * slot),
        offline_shutdown=max(1500.0, 60 * slot),
        no_gossip_warning=max(900.0, 60 * slot),
        bootstrap_limit=max(120.0, 7200 * scale),
        catchup_gap=5,
        stop_hours=None,
        stop_margin=3600 * scale,
        catchup_retry=min(5.0, max(0.2, slot / 4)),
        request_limit=min(30.0, max(5.0, slot)),
        worker_nap=min(5.0, max(0.1, slot / 10)),
        rebroadcast=max(2.0, 300 * scale),
        gossiped_commands=10,
        gossiped_commands_window=15 * scale,
        archive_retry=min(1.0, slot / 4),
        block_work=_BLOCK_WORK,
        command_work=_COMMAND_WORK,
        connect_limit=min(20.0, max(5.0, slot)),
        redial_first=0.05,
        redial_most=min(10.0, max(1.0, slot)),
        ban=max(60.0, 86_400 * scale),
        keep_alive=max(10.0, 2 * slot),
    )


class UnknownProfile(ValueError):
    """`CODA_PROFILE` names no profile."""


def profile_of(environment: Mapping[str, str], *, slot_ms: int) -> Profile:
    """The profile that `CODA_PROFILE` asks for; `mainnet` without it. Raises UnknownProfile."""
    match environment.get("CODA_PROFILE", "mainnet"):
        case "mainnet":
            return mainnet()
        case "dev":
            return dev(slot_ms)
        case other:
            raise UnknownProfile(f"CODA_PROFILE is {other!r}; expected mainnet or dev")

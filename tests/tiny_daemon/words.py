"""The contract's words, as this build of the tiny daemon spells them: hashes (E.1), event ids (C.2), times."""

from datetime import UTC, datetime, timedelta, timezone
from hashlib import md5, sha256

ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
COMMIT = "71d1e0000000000000000000000000000000beef"
VERSION = f"Commit {COMMIT} on branch tiny"

# Other files than the real one's, so other ids (C.2): a reader has to ask this build for them.
EVENTS = {
    name: (
        md5(f"src/tiny/daemon.ml.{name}".encode(), usedforsecurity=False).hexdigest(),
        level,
        message,
        fields,
    )
    for name, level, message, fields in (
        ("Block_produced", "Info", "A block!", ("breadcrumb",)),
        ("Starting_transition_frontier_controller", "Info", "Here we go", ()),
        ("Persisted_frontier_fresh_boot", "Info", "Nothing on disk", ()),
        ("Persisted_frontier_loaded", "Trace", "Loaded", ()),
        ("Added_breadcrumb_user_commands", "Trace", "One more", ("user_commands", "state_hash")),
        ("Applying_diffs", "Trace", "Diffs: $diffs", ("diffs",)),
        (
            "New_best_tip_event",
            "Debug",
            "Tip",
            ("added_transitions", "removed_transitions", "reorg_best_tip"),
        ),
        ("Bootstrap_required", "Info", "too far", ()),
        ("Starting_bootstrap_controller", "Info", "begin again", ()),
        ("Bootstrapping", "Info", "bootstrapping", ()),
        ("Snarked_ledger_synced", "Trace", "ledger is here", ()),
        ("Bootstrap_complete", "Info", "begun again", ()),
        ("Connecting", "Info", "connecting", ()),
        ("Listening", "Info", "listening", ()),
        ("Synced", "Info", "synced", ()),
        ("Block_received", "Info", "From $sender", ("state_hash", "sender")),
        ("Rebroadcast_transition", "Info", "On goes $state_hash", ("state_hash",)),
        ("Gossip_new_state", "Trace", "Out goes it", ("state_hash",)),
        ("Tea_is_ready", "Info", "Tea is ready: $pot", ("pot",)),  # an event that nobody else knows
    )
}
UNLISTED_ID = "f" * 32  # of an event that not even the dump has


def base58check(version: int, payload: bytes) -> str:
    data = bytes([version]) + payload
    data += sha256(sha256(data).digest()).digest()[:4]
    number, text = int.from_bytes(data, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        text = ALPHABET[digit] + text
    return "1" * (len(data) - len(data.lstrip(b"\0"))) + text


def state_hash(content: str) -> str:
    """Some field element that depends on the content: nobody outside can compute the real one anyway."""
    return base58check(0x10, b"\1" + sha256(content.encode()).digest()[:31] + b"\0")


def log_time(time_ns: int) -> str:
    """As C.1 wants it; the clock has whole milliseconds only."""
    moment = datetime.fromtimestamp(time_ns // 1_000_000 / 1000, UTC)
    return moment.strftime("%Y-%m-%d %H:%M:%S.%fZ")


def milliseconds(text: str) -> int:
    """Of a configured time; without a zone UTC-8 is meant (B)."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone(timedelta(hours=-8)))
    return round(moment.timestamp() * 1000)

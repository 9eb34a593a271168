"""Runtime configurations that nobody ought to write: each is read or refused with an error of its own kind, and
what is read says what was written.
"""

import json
import random
from typing import Any

import pytest

from coda_daemon.genesis import make_genesis
from coda_daemon.genesis_ledgers import GenesisError
from coda_protocol import runtime_config
from coda_protocol.constants import CompiledProfile, with_defaults
from coda_protocol.format_error import FormatError
from coda_protocol.sample_keys import sample_keypair


def key(index: int) -> str:
    return str(sample_keypair(index).public)


BASE: dict[str, Any] = {
    "daemon": {"txpool_max_size": 3000, "peers": [], "slot_tx_end": 100, "rest-port": 3085},
    "genesis": {
        "k": 6,
        "delta": 0,
        "slots_per_epoch": 60,
        "slots_per_sub_window": 2,
        "grace_period_slots": 10,
        "genesis_state_timestamp": "2024-05-01T12:00:00Z",
    },
    "proof": {
        "level": "none",
        "sub_windows_per_window": 3,
        "ledger_depth": 10,
        "work_delay": 1,
        "block_window_duration_ms": 2000,
        "transaction_capacity": {"2_to_the": 2},
        "coinbase_amount": "720",
        "supercharged_coinbase_factor": 1,
        "account_creation_fee": "1",
    },
    "ledger": {
        "accounts": [
            {
                "pk": key(1),
                "balance": "1000.5",
                "delegate": key(2),
                "timing": {
                    "initial_minimum_balance": "10",
                    "cliff_time": "5",
                    "cliff_amount": "1",
                    "vesting_period": "1",
                    "vesting_increment": "1",
                },
            },
            {"pk": key(2), "balance": "1000"},
        ],
        "add_genesis_winner": False,
    },
}
STRANGE: list[Any] = [
    None,
    True,
    False,
    0,
    -1,
    1,
    2**31,
    2**63,
    2**64,
    10**30,
    1.5,
    1e308,
    "",
    "0",
    "-1",
    "1e3",
    "1.0000000001",
    "9" * 40,
    "x" * 10_000,
    "\u0000",
    "ü",
    [],
    {},
    [[]],
    {"2_to_the": 40},
    {"2_to_the": -1},
    "2024-13-01T00:00:00Z",
    "check",
    "full",
    key(3),
]


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where every value of a document is."""
    found = [path] if path else []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, member in items:
        found += places(member, (*path, name))
    return found


def mutate(document: Any, chance: random.Random) -> None:
    *path, last = chance.choice(places(document))
    holder = document
    for step in path:
        holder = holder[step]
    match chance.randint(0, 4):
        case 0 | 1:
            holder[last] = chance.choice(STRANGE)
        case 2:
            del holder[last]
        case 3 if isinstance(holder, dict):
            holder[chance.choice(["unknown", "k", "pk", "level", "hash", "name"])] = chance.choice(STRANGE)
        case 3:
            holder.append(chance.choice(STRANGE))
        case _:
            holder[last] = chance.choice(
                [chance.randint(-10, 100), str(chance.randint(0, 100)), holder[last]]
            )


def some_text(chance: random.Random) -> bytes:
    document = json.loads(json.dumps(BASE))
    for _ in range(chance.randint(0, 3)):
        if document:
            mutate(document, chance)
    text = bytearray(json.dumps(document).encode())
    if chance.random() < 0.2:
        for _ in range(chance.randint(1, 3)):
            place = chance.randrange(len(text))
            text[place : place + chance.randint(0, 3)] = chance.choice(
                [b"", b"{", b'"', b"\xff", b"[" * 5000, b"1"]
            )
    return bytes(text)


def read(text: bytes) -> str:
    """What became of it: refused by the format, by the genesis, or accepted."""
    try:
        config = runtime_config.parse(text)
    except FormatError:
        return "format"
    assert runtime_config.parse(runtime_config.encode(config)) == config
    # In names and texts that it drops the parser does not look for bytes that are not UTF-8.
    check_meaning(json.loads(text.decode(errors="replace")), config)
    try:
        genesis = make_genesis(config, with_defaults(config, CompiledProfile.LIGHTNET))
    except GenesisError:
        return "genesis"
    constants = genesis.rules.constants
    assert constants.k >= 1
    assert constants.slot_ms >= 1
    assert constants.slots_per_epoch >= 1
    assert len(genesis.ledger) <= 2**genesis.constants.ledger_depth
    return "accepted"


def check_meaning(written: Any, config: runtime_config.RuntimeConfig) -> None:
    """No wrong accept: a few values as independent code reads them."""
    genesis, proof = written.get("genesis") or {}, written.get("proof") or {}
    for name in ("k", "delta", "slots_per_epoch", "slots_per_sub_window", "grace_period_slots"):
        if (found := genesis.get(name)) is not None:
            assert type(found) is int, (name, found)
            assert getattr(config.genesis, name) == found
    if (level := proof.get("level")) is not None:
        assert level in ("none", "check", "full")
    ledger = written.get("ledger") or {}
    accounts = (config.ledger and config.ledger.accounts) or ()
    for given, account in zip(ledger.get("accounts") or (), accounts, strict=True):
        whole, _, part = given["balance"].partition(".")
        assert account.balance == int(whole) * 10**9 + int(part[:9].ljust(9, "0"))  # more is cut off


def read_all(count: int, seed: int) -> None:
    chance = random.Random(seed)
    outcomes = [read(some_text(chance)) for _ in range(count)]
    assert {"format", "genesis", "accepted"} == set(outcomes)


def test_the_base_itself_is_accepted() -> None:
    assert read(json.dumps(BASE).encode()) == "accepted"


def test_a_sample_of_configurations_is_read_or_refused() -> None:
    read_all(500, seed=1)


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_ten_thousand_configurations() -> None:
    read_all(10_000, seed=2)

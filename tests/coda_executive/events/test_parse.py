import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coda_executive.events.event import (
    BestTipFormed,
    BlockGossiped,
    BlockProduced,
    BlockReceived,
    BreadcrumbAdded,
    DaemonEvent,
    ErrorLogged,
    FrontierChanged,
    FrontierLoading,
    NodeInitialized,
    OtherEvent,
    PlainMessage,
    SnarkWorkGossiped,
    SyncStatusChanged,
    TransactionsGossiped,
    UnreadableLine,
)
from coda_executive.events.parse import Parser
from coda_protocol import structured_events
from coda_protocol.currency import Fee
from coda_protocol.hashes import StateHash
from coda_protocol.log_message import Content, EncodedLine
from coda_protocol.slots import BlockchainLength, Epoch, GlobalSlot
from coda_protocol.structured_events import BY_NAME, StructuredEvent

TIME = "2024-05-01 12:00:05.123456Z"
PARSER = Parser({event.name: event.id for event in BY_NAME.values()})


def line_of(
    event: StructuredEvent | None, level: str | None = None, message: str | None = None, **metadata: Any
) -> bytes:
    record: dict[str, Any] = {
        "timestamp": TIME,
        "level": level or (event.level.text if event else "Info"),
        "source": {"module": "M", "location": "L"},
        "message": message or (event.message if event else "hello"),
        "metadata": {**metadata, "pid": 71},
    }
    if event is not None:
        record["event_id"] = event.id
    return json.dumps(record).encode()


def parse(line: bytes) -> DaemonEvent:
    return PARSER.parse(line)[1]


def protocol_state(**changes: Any) -> dict[str, Any]:
    consensus = {
        "blockchain_length": "2",
        "epoch_count": "0",
        "global_slot_since_genesis": "7",
        "curr_global_slot_since_hard_fork": {"slot_number": "5", "slots_per_epoch": "120"},
        "block_creator": "B62creator",
        "staking_epoch_data": {"seed": "x"},
        **changes,
    }
    return {
        "previous_state_hash": "3Nparent",
        "body": {"consensus_state": {k: v for k, v in consensus.items() if v is not None}},
    }


def breadcrumb(name: Any = None, **changes: Any) -> dict[str, Any]:
    return {
        "validated_transition": {
            "data": {"protocol_state": protocol_state(**changes), "staged_ledger_diff": "<opaque>"},
            "hash": name or {"state_body_hash": "3Wbody", "state_hash": "3Nblock"},
        },
        "just_emitted_a_proof": True,
    }


BLOCK = BlockProduced(
    state_hash=StateHash("3Nblock"),
    parent=StateHash("3Nparent"),
    height=BlockchainLength(2),
    global_slot=GlobalSlot(7),
    epoch=Epoch(0),
    creator="B62creator",
    emitted_proof=True,
)


@pytest.mark.parametrize(
    "given_breadcrumb",
    [
        breadcrumb(),
        breadcrumb(blockchain_length=2, epoch_count=0, global_slot_since_genesis=7),
        breadcrumb("3Nblock"),
        breadcrumb(
            global_slot_since_genesis=None,
            curr_global_slot_since_hard_fork=None,
            curr_global_slot={"slot_number": "7", "slots_per_epoch": "120"},
        ),
    ],
    ids=["text", "integers", "plain hash", "before Berkeley"],
)
def test_a_produced_block_is_read_from_its_breadcrumb(given_breadcrumb: dict[str, Any]) -> None:
    line = line_of(structured_events.BLOCK_PRODUCED, breadcrumb=given_breadcrumb)

    assert PARSER.parse(line) == (TIME, BLOCK)


def test_the_sign_of_initialisation_is_read() -> None:
    assert parse(line_of(structured_events.STARTING_TRANSITION_FRONTIER_CONTROLLER)) == NodeInitialized()


def test_transactions_of_a_breadcrumb_come_with_their_status() -> None:
    line = line_of(
        structured_events.ADDED_BREADCRUMB_USER_COMMANDS,
        state_hash="3Nblock",
        user_commands=[
            {"data": "5Ja", "status": ["Applied"]},
            {"data": "5Jb", "status": ["Failed", [[["Amount_insufficient_to_create_account"]]]]},
        ],
    )

    assert parse(line) == BreadcrumbAdded(StateHash("3Nblock"), (("5Ja", "Applied"), ("5Jb", "Failed")))


def test_frontier_diffs_of_one_line_become_one_event() -> None:
    line = line_of(
        structured_events.APPLYING_DIFFS,
        diffs=[
            {"New_node": "3Na"},
            {
                "Root_transitioned": {
                    "new_root": "3Nr",
                    "garbage": ["3Nx", "3Ny"],
                    "just_emitted_a_proof": True,
                }
            },
            {"Best_tip_changed": "3Na"},
        ],
    )

    assert parse(line) == FrontierChanged(
        new_node=StateHash("3Na"),
        best_tip=StateHash("3Na"),
        root=StateHash("3Nr"),
        garbage=(StateHash("3Nx"), StateHash("3Ny")),
        emitted_proof=True,
    )


def test_a_new_best_tip_takes_height_and_slot_of_its_last_block() -> None:
    added = [
        {"protocol_state": protocol_state(), "state_hash": "3Na", "just_emitted_a_proof": False},
        {
            "protocol_state": protocol_state(blockchain_length="3"),
            "state_hash": "3Nb",
            "just_emitted_a_proof": False,
        },
    ]
    line = line_of(
        structured_events.NEW_BEST_TIP_EVENT,
        added_transitions=added,
        removed_transitions=[added[0]],
        reorg_best_tip=True,
    )

    assert parse(line) == BestTipFormed(
        (StateHash("3Na"), StateHash("3Nb")), (StateHash("3Na"),), BlockchainLength(3), GlobalSlot(7), True
    )


@pytest.mark.parametrize(
    ("sender", "name"),
    [
        ("Local", "Local"),
        ({"Remote": {"host": "10.0.0.5", "peer_id": "12D3Koo", "libp2p_port": 1}}, "12D3Koo"),
    ],
)
def test_a_received_block_names_its_sender(sender: Any, name: str) -> None:
    line = line_of(structured_events.BLOCK_RECEIVED, sender=sender, state_hash="3Na")

    assert parse(line) == BlockReceived(StateHash("3Na"), name)


def test_events_without_fields_keep_their_meaning() -> None:
    assert parse(line_of(structured_events.SYNCED)) == SyncStatusChanged("SYNCED")
    assert parse(line_of(structured_events.BOOTSTRAPPING)) == SyncStatusChanged("BOOTSTRAP")
    assert parse(line_of(structured_events.PERSISTED_FRONTIER_LOADED)) == FrontierLoading(
        "Persisted_frontier_loaded"
    )
    assert parse(line_of(structured_events.GOSSIP_NEW_STATE, state_hash="3Na")) == BlockGossiped(
        StateHash("3Na")
    )


def test_an_id_without_meaning_here_is_an_other_event() -> None:
    rebroadcast = structured_events.REBROADCAST_TRANSITION
    unknown = line_of(rebroadcast).replace(rebroadcast.id.encode(), b"0" * 32)

    assert parse(line_of(rebroadcast)) == OtherEvent(rebroadcast.id, "Rebroadcast_transition")
    assert parse(unknown) == OtherEvent("0" * 32, None)


def test_ids_are_those_of_the_build() -> None:
    parser = Parser({"Synced": "f" * 32})
    line = line_of(structured_events.SYNCED)

    assert parser.parse(line)[1] == OtherEvent(structured_events.SYNCED.id, None)
    assert parser.parse(line.replace(structured_events.SYNCED.id.encode(), b"f" * 32))[
        1
    ] == SyncStatusChanged("SYNCED")


def test_an_error_line_is_filled_in() -> None:
    line = line_of(structured_events.REJECTING_COMMAND_FOR_REASON, reason=["Insufficient_funds"], command={})

    assert parse(line) == ErrorLogged(
        "Error",
        'Rejecting command because: ["Insufficient_funds"]',
        structured_events.REJECTING_COMMAND_FOR_REASON.id,
    )


@pytest.mark.parametrize("level", ["Warn", "Error", "Faulty_peer", "Fatal"])
def test_every_level_from_warn_on_is_an_error_line(level: str) -> None:
    assert parse(line_of(None, level, "peer $peer is gone", peer="x")) == ErrorLogged(
        level, "peer x is gone", None
    )


def test_an_invalid_log_call_is_an_error_line_whatever_its_event() -> None:
    line = line_of(structured_events.BLOCK_PRODUCED, "Error", "invalid log call: no breadcrumb")

    assert isinstance(parse(line), ErrorLogged)


def test_an_error_line_with_unreadable_metadata_keeps_its_template() -> None:
    line = line_of(None, "Error", "lost $what", what="W").replace(b'"W"', b'"\xff"')

    assert parse(line) == ErrorLogged("Error", "lost $what", None)


def test_a_long_error_message_is_cut_at_2000_characters() -> None:
    event = parse(line_of(None, "Error", "$blob", blob="x" * 100_000))

    assert isinstance(event, ErrorLogged)
    assert event.message == "x" * 2000


def test_a_plain_message_stays_a_template() -> None:
    assert PARSER.parse(line_of(None, message="a $b", b=1)) == (TIME, PlainMessage("a $b"))


def test_of_alike_lines_each_has_its_time_and_an_error_its_own_text() -> None:
    parser, beginning = Parser({}), b'{"timestamp":"'
    one, two = Content(b"", b"", 0), Content(b"", b"", 0)
    later = "2024-05-01 12:00:06.000000Z"
    line, error = line_of(None, message="a"), line_of(None, "Error", "$pid is lost")
    other_line, other_error = (text.replace(TIME.encode(), later.encode()) for text in (line, error))
    other_error = other_error.replace(b"71", b"72")
    written = [
        EncodedLine(
            (beginning + time.encode(), text.partition(time.encode())[2], b"\n"), len(text) + 1, content
        )
        for text, time, content in (
            (line.replace(b": ", b":"), TIME, one),
            (error, TIME, two),
            (other_line.replace(b": ", b":"), later, one),
            (other_error, later, two),
        )
    ]

    assert list(parser.parse_alike(written))[2:] == [
        (later, PlainMessage("a")),
        (later, ErrorLogged("Error", "72 is lost", None)),
    ]


@pytest.mark.parametrize("line", [b"", b"\n", b"\r\n"])
def test_a_blank_line_is_an_empty_plain_message(line: bytes) -> None:
    assert PARSER.parse(line) == (None, PlainMessage(""))


def test_a_carriage_return_before_the_newline_changes_nothing() -> None:
    assert parse(line_of(structured_events.SYNCED) + b"\r\n") == SyncStatusChanged("SYNCED")


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (b"Segmentation fault", "Segmentation fault"),
        (b'{"timestamp":"2024', '{"timestamp":"2024'),
        (b'{"level":"Info","message":"\xff\xfe"}', '{"level":"Info","message":"��"}'),
        (b"[1, 2]", "[1, 2]"),
        (b'{"event_id": 7}', '{"event_id": 7}'),
        (b"{}", "{}"),
        (b"\x00" * 9, "\x00" * 9),
        (b"x" * 5000, "x" * 500),
        ("€".encode() * 5000, "€" * 500),
    ],
)
def test_a_line_that_is_no_record_is_unreadable(line: bytes, text: str) -> None:
    event = parse(line)

    assert isinstance(event, UnreadableLine)
    assert event.text == text
    assert event.problem


@pytest.mark.parametrize(
    ("line", "field"),
    [
        (line_of(structured_events.BLOCK_PRODUCED), "breadcrumb"),
        (
            line_of(structured_events.BLOCK_PRODUCED, breadcrumb=breadcrumb(blockchain_length="many")),
            "blockchain_length",
        ),
        (line_of(structured_events.BLOCK_PRODUCED, breadcrumb=breadcrumb(epoch_count=-1)), "epoch_count"),
        (
            line_of(
                structured_events.BLOCK_PRODUCED,
                breadcrumb=breadcrumb(global_slot_since_genesis=None, curr_global_slot_since_hard_fork=None),
            ),
            "global_slot_since_genesis",
        ),
        (line_of(structured_events.APPLYING_DIFFS, diffs={}), "diffs"),
        (
            line_of(
                structured_events.ADDED_BREADCRUMB_USER_COMMANDS,
                state_hash="3N",
                user_commands=[{"data": "5J", "status": []}],
            ),
            r"user_commands\[0\].status",
        ),
        (line_of(structured_events.BLOCK_RECEIVED, sender={}, state_hash="3N"), "Remote"),
    ],
)
def test_malformed_metadata_of_a_known_event_name_event_and_field(line: bytes, field: str) -> None:
    event = parse(line)

    assert isinstance(event, UnreadableLine)
    event_id = json.loads(line)["event_id"]
    assert event.problem.startswith(f"metadata of {structured_events.BY_ID[event_id].name}: ")
    assert field.replace("\\", "") in event.problem


GOOD = line_of(structured_events.SYNCED)
PLAIN = line_of(None)
DOUBLE = GOOD + GOOD
SPREAD = b'{"level":"Info",\n"message":"x"}'
KINDS = [
    GOOD,
    PLAIN,
    b"",
    b"garbage",
    b"\xff\xfe",
    b"{",
    GOOD + b"\r",
    DOUBLE,
    SPREAD,
    b'{"event_id":3}',
    b"[" * 9999,
]


@given(st.lists(st.sampled_from(KINDS), max_size=8))
def test_a_chunk_gives_what_its_lines_give_one_by_one(parts: list[bytes]) -> None:
    chunk = b"".join(part + b"\n" for part in parts)
    lines = chunk.split(b"\n")[:-1]
    expected = []
    start = 0
    for index, line in enumerate(lines):
        expected.append((index, start, *PARSER.parse(line)))
        start += len(line) + 1

    got = [(line.index, line.start, line.timestamp, line.event) for line in PARSER.parse_chunk(chunk)]

    assert [line for line in got if not isinstance(line[3], PlainMessage)] == [
        line for line in expected if not isinstance(line[3], PlainMessage)
    ]


@given(st.binary(max_size=200))
def test_no_bytes_make_the_parser_raise(line: bytes) -> None:
    assert PARSER.parse(line) is not None
    assert list(PARSER.parse_chunk(line + b"\n")) is not None


SUMMARIES = [["7mX…", "B62payer", "4"], ["7mX…", "B62other", 5]]
WORK = {"work_ids": ["Two", [123, 456]], "fee": "0.1", "prover": "B62prover"}


@pytest.mark.parametrize(
    ("event", "metadata", "expected"),
    [
        (
            structured_events.TRANSACTIONS_RECEIVED,
            {"fee_payer_summaries": SUMMARIES, "sender": "Local"},
            TransactionsGossiped((("B62payer", 4), ("B62other", 5)), sent=False),
        ),
        (
            structured_events.GOSSIP_TRANSACTION_POOL_DIFF,
            {"fee_payer_summaries": SUMMARIES[:1]},
            TransactionsGossiped((("B62payer", 4),), sent=True),
        ),
        (
            structured_events.SNARK_WORK_RECEIVED,
            {"work": WORK, "sender": "Local"},
            SnarkWorkGossiped((123, 456), Fee.of_coda("0.1"), "B62prover", sent=False),
        ),
        (
            structured_events.GOSSIP_SNARK_POOL_DIFF,
            {"work": {**WORK, "work_ids": ["One", 9]}},
            SnarkWorkGossiped((9,), Fee.of_coda("0.1"), "B62prover", sent=True),
        ),
    ],
)
def test_pool_gossip_tells_what_it_carries(
    event: StructuredEvent, metadata: dict[str, Any], expected: DaemonEvent
) -> None:
    assert parse(line_of(event, **metadata)) == expected


def test_pool_gossip_of_another_shape_is_unreadable() -> None:
    found = parse(line_of(structured_events.SNARK_WORK_RECEIVED, work={**WORK, "fee": "much"}))

    assert isinstance(found, UnreadableLine)
    assert "Snark_work_received" in found.problem

"""The last lines of a crashed node, as people are shown them."""

from coda_executive.events.log_ending import readable_ending

RECORD = (
    '{"timestamp":"2026-11-23 03:07:56.086999Z","level":"Warn","source":{"module":"Mina_daemon","location":"x"},'
    '"message":"Could not read $file","metadata":{"file":"daemon.json","pid":NUMBER}}'
)


def test_records_are_shown_without_their_json() -> None:
    assert readable_ending([RECORD.replace("NUMBER", "7")]) == (
        "03:07:56.086999Z WARN Mina_daemon: Could not read daemon.json",
    )


def test_of_many_records_the_last_are_shown_and_of_a_traceback_everything() -> None:
    records = [
        RECORD.replace("NUMBER", str(number)).replace("$file", f"line {number}") for number in range(15)
    ]
    traceback = [
        "Traceback (most recent call last):",
        *(f"  frame {number}" for number in range(10)),
        "KeyError: 1",
    ]

    shown = readable_ending([*records, *traceback])

    assert shown[:-12] == tuple(
        f"03:07:56.086999Z WARN Mina_daemon: Could not read line {n}" for n in range(7, 15)
    )
    assert shown[-12:] == tuple(traceback)


def test_what_is_no_record_stands_as_it_is_and_a_long_line_is_cut() -> None:
    torn = RECORD[:40]

    assert readable_ending([torn, "null", "x" * 1000]) == (torn, "null", "x" * 300 + "…")

import click
import pytest

from coda_executive.cli.durations import Duration, shown


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("90s", 90), ("15m", 900), ("2h", 7200), ("1d", 86400), ("1.5h", 5400), ("0", 0)],
)
def test_a_length_of_time_has_a_unit_or_is_seconds(text: str, seconds: float) -> None:
    assert Duration().convert(text, None, None) == seconds


@pytest.mark.parametrize("text", ["", "soon", "-1s", "1w", "1 h", "h", "1e3", "nan", "1h30m"])
def test_anything_else_is_refused_with_examples(text: str) -> None:
    with pytest.raises(click.BadParameter, match="such as 90s, 15m, 2h or 1d"):
        Duration().convert(text, None, None)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (90, "90 s"), (7199, "2 h"), (5400, "90 min"), (28800, "8 h"), (86400 * 2, "2 days")],
)
def test_it_is_shown_in_a_unit_that_reads_well(seconds: float, text: str) -> None:
    assert shown(seconds) == text

"""docs/reference-daemon.md: its list of constants is the profile's, and what it leaves out is what the tests know."""

import re
from dataclasses import fields
from pathlib import Path

from tests.coda_daemon.graphql.test_schema import UNANSWERED

from coda_daemon.profile import Profile, dev, mainnet
from coda_executive.config.network import NetworkConfig

TEXT = (Path(__file__).parents[2] / "docs" / "reference-daemon.md").read_text("utf-8")


def shown(value: float | None) -> str:
    return "–" if value is None else f"{value:g}"


def test_every_constant_of_the_profile_is_listed_with_its_values() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| [^|]+ \| (.*) \|$", TEXT, re.MULTILINE))
    profiles = (mainnet(), dev(2_000), dev(20_000))

    names = [field.name for field in fields(Profile) if field.name != "name"]
    assert rows == {name: " | ".join(shown(getattr(profile, name)) for profile in profiles) for name in names}
    assert NetworkConfig().profile == "dev"


def test_graphql_fields_without_an_answer_are_named() -> None:
    for name in UNANSWERED:
        assert f"`{name}`" in TEXT

"""Where genesis files are kept, as users write it."""

from pathlib import Path

import pytest

from coda_executive.errors import ConfigError
from coda_executive.genesis_store.location import Bucket, credentials_from, parse_location


def test_a_plain_text_is_a_directory() -> None:
    assert parse_location("some/directory") == Path("some/directory")


def test_a_bucket_without_an_endpoint_is_amazons() -> None:
    location = parse_location("s3://my.bucket-1/a/b/", region="eu-central-1")
    assert location == Bucket("https://s3.eu-central-1.amazonaws.com", "eu-central-1", "my.bucket-1", "a/b/")
    assert str(location) == "s3://my.bucket-1/a/b/"


def test_an_endpoint_is_any_server() -> None:
    location = parse_location("s3://bucket", endpoint="http://127.0.0.1:9000/")
    assert location == Bucket("http://127.0.0.1:9000", "us-east-1", "bucket")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "expected a directory or s3://BUCKET"),
        ("gs://bucket", "expected a directory or s3://BUCKET"),
        ("s3://", "names no bucket"),
        ("s3://Bucket", "names no bucket"),
        ("s3://bucket/a b", "bad prefix"),
        ("s3://bucket/../x", "bad prefix"),
    ],
)
def test_what_is_no_place_is_refused(text: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        parse_location(text)


@pytest.mark.parametrize(
    "endpoint",
    [
        "127.0.0.1:9000",
        "ftp://host",
        "https://user:hunter2@host",
        "https://host/path",
        "https://host:x",
        "h://[",
    ],
)
def test_a_bad_endpoint_is_refused_and_not_shown(endpoint: str) -> None:
    with pytest.raises(ConfigError, match="no address") as caught:
        parse_location("s3://bucket", endpoint=endpoint)
    assert "hunter2" not in str(caught.value)


def test_a_bad_region_is_refused() -> None:
    with pytest.raises(ConfigError, match="region"):
        parse_location("s3://bucket", region="eu/evil.example")


def test_credentials_come_from_the_environment_and_missing_ones_are_named() -> None:
    environment = {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "key"}
    assert credentials_from(environment).session_token is None
    assert credentials_from({**environment, "AWS_SESSION_TOKEN": "t"}).session_token == "t"
    with pytest.raises(ConfigError, match=r"set AWS_SECRET_ACCESS_KEY in the environment"):
        credentials_from({"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": ""})

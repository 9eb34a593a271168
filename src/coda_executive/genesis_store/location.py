"""Where genesis files are kept, as the user names it. Nothing is touched here."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from coda_executive.errors import ConfigError
from coda_executive.genesis_store.sigv4 import Credentials

DEFAULT_REGION = "us-east-1"
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_PREFIX = re.compile(r"([A-Za-z0-9._-]+/)*")
_REGION = re.compile(r"[a-z0-9-]{1,40}")


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket of S3 or of a server that speaks like it.

    `endpoint` is scheme, host and port; `prefix` is empty or ends in a slash.
    """

    endpoint: str
    region: str
    name: str
    prefix: str = ""

    def __str__(self) -> str:
        return f"s3://{self.name}/{self.prefix}"


Location = Path | Bucket


def parse_location(text: str, *, endpoint: str | None = None, region: str | None = None) -> Location:
    """A directory, or `s3://BUCKET[/PREFIX]`; without an endpoint that is Amazon's. Raises ConfigError."""
    if not text.startswith("s3://"):
        if "://" in text or not text:
            raise ConfigError(
                f"The genesis store {text!r} is no place: expected a directory or s3://BUCKET[/PREFIX]."
            )
        return Path(text)
    name, _, prefix = text.removeprefix("s3://").partition("/")
    if not _BUCKET.fullmatch(name):
        raise ConfigError(
            f"The genesis store {text!r} names no bucket: expected 3 to 63 lower-case letters, digits, dots and "
            f"hyphens after s3://, found {name!r}."
        )
    prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
    if not _PREFIX.fullmatch(prefix) or any(part in (".", "..") for part in prefix.split("/")):
        raise ConfigError(
            f"The genesis store {text!r} has a bad prefix: expected letters, digits and . _ - between slashes."
        )
    region = region or DEFAULT_REGION
    if not _REGION.fullmatch(region):
        raise ConfigError(f"The region {region!r} is none: expected a name such as {DEFAULT_REGION}.")
    return Bucket(_endpoint(endpoint or f"https://s3.{region}.amazonaws.com"), region, name, prefix)


def credentials_from(environment: Mapping[str, str]) -> Credentials:
    """What AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and perhaps AWS_SESSION_TOKEN hold. Raises ConfigError."""
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    missing = [name for name in names if not environment.get(name)]
    if missing:
        raise ConfigError(
            f"A genesis store in a bucket needs credentials: set {' and '.join(missing)} in the environment."
        )
    access_key, secret_key = (environment[name] for name in names)
    return Credentials(access_key, secret_key, environment.get("AWS_SESSION_TOKEN") or None)


def _endpoint(text: str) -> str:
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable or "@" in text or parts.path.strip("/") or parts.query or parts.fragment:
        # Not shown: it may hold a password.
        raise ConfigError("The S3 endpoint is no address: expected one such as https://HOST[:PORT].")
    return f"{parts.scheme}://{parts.netloc}"

"""Whole objects by key: what a directory and a bucket have in common."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Protocol

from coda_executive.genesis_store.directory import DirectoryStore
from coda_executive.genesis_store.location import Bucket, Location, credentials_from


class ObjectStore(Protocol):
    """Keys are texts with slashes. Every method raises GenesisStoreError when the store cannot be used.

    Cancelling any of them is safe: an object is there as a whole or not at all.
    """

    async def put(self, key: str, content: bytes) -> None: ...

    async def get(self, key: str) -> bytes: ...

    async def size(self, key: str) -> int | None:
        """Bytes of an object, or None when there is none."""

    async def keys(self, prefix: str) -> tuple[str, ...]:
        """All keys that begin so, sorted; empty when there are none."""


@asynccontextmanager
async def opened_store(location: Location, environment: Mapping[str, str]) -> AsyncIterator[ObjectStore]:
    """Hold a store for the length of a block; credentials come from `environment` only.

    Raises ConfigError when a bucket's are missing.
    """
    if not isinstance(location, Bucket):
        yield DirectoryStore(location)
        return
    from coda_executive.genesis_store.s3 import S3Store

    credentials = credentials_from(environment)
    async with S3Store.opened(location, credentials) as store:
        yield store

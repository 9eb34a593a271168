"""Keeping the last of what was worked out, for other nodes of one process. Pure."""

from typing import TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


def remember(known: dict[Key, Value], key: Key, value: Value, *, most: int) -> Value:
    """Put it among the last `most`, in place of the oldest; answers it."""
    if len(known) >= most:
        del known[next(iter(known))]
    known[key] = value
    return value

"""Which messages were seen lately, in bounded memory."""

from functools import lru_cache
from hashlib import blake2b

_SMALL = 8192  # bytes of a payload that is worth remembering


class SeenMessages:
    """Remembers at least the last `capacity` messages and at most twice as many."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._young: set[bytes] = set()
        self._old: set[bytes] = set()

    def __contains__(self, message: bytes) -> bool:
        return message in self._young or message in self._old

    def add(self, message: bytes) -> bool:
        """Note a message, by its digest; answer whether it is new."""
        young = self._young
        if message in young or message in self._old:
            return False
        young.add(message)
        if len(young) >= self._capacity:
            self._old, self._young = young, set()
        return True


@lru_cache(maxsize=128)  # each message is named once for each link that it comes and goes over
def _digest_once(topic: str, payload: bytes) -> bytes:
    return blake2b(payload, digest_size=16, key=topic.encode()).digest()


def digest(topic: str, payload: bytes) -> bytes:
    """A message's name for deduplication."""
    if len(payload) <= _SMALL:
        return _digest_once(topic, payload)
    return blake2b(payload, digest_size=16, key=topic.encode()).digest()

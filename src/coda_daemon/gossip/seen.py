"""Which messages were seen lately, in bounded memory."""

from hashlib import blake2b


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


def digest(topic: str, payload: bytes) -> bytes:
    """A message's name for deduplication."""
    return blake2b(payload, digest_size=16, key=topic.encode()).digest()

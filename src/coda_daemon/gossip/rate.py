"""How much a peer may ask of a node: a bucket of tokens that fills steadily. Pure."""

FRAMES_PER_SECOND = 500.0
BURST = 2000.0  # frames
BYTES_PER_TOKEN = 16 * 1024  # a large frame counts as several small ones


class Rate:
    """Tokens of one peer. It may go into debt, and whoever serves it then waits until the debt is paid."""

    def __init__(self, per_second: float = FRAMES_PER_SECOND, burst: float = BURST) -> None:
        self._per_second = per_second
        self._burst = burst
        self._level = burst
        self._counted_at = 0.0

    def spend(self, tokens: float, *, now: float) -> float:
        """Take tokens at a time in seconds, and tell for how many seconds to pause."""
        level = self._level + (now - self._counted_at) * self._per_second
        if level > self._burst:
            level = self._burst
        self._level = level = level - tokens
        self._counted_at = now
        return 0.0 if level >= 0 else -level / self._per_second

    def take(self, *, now: float) -> bool:
        """Take one token if there is one."""
        self.spend(0, now=now)
        if self._level < 1:
            return False
        self._level -= 1
        return True

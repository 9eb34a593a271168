"""One direction of the way between two machines: how long a message takes, and whether it gets through.

Each link draws from streams of its own, so that what happens on one changes nothing on another.

Channels are reliable and ordered, as TCP's are, so a loss shows as a delay: the frame is sent again after 0.2
s, then 0.4, 0.8, … up to 120 s, those behind it wait, and a sender that had no success in 15 attempts (some
fifteen minutes) finds the connection reset. A cut is the loss of everything. What is in the air already
arrives. Acknowledgements are not modelled: a cut one way leaves the other way as it is.
"""

from random import Random

from coda_executive.interfaces.capabilities import LinkShape

_NANOSECONDS = 1_000_000_000

FIRST_RETRY_NS = 200_000_000
LONGEST_RETRY_NS = 120 * _NANOSECONDS
MOST_RETRIES = 15

# Of the first message of a connection (SYN): after 1 s, 2 s, 4 s, …
FIRST_CONNECT_RETRY_NS = _NANOSECONDS
MOST_CONNECT_RETRIES = 6


class Link:
    """From one machine to another. `base` is what it is like; `extra` what a test made of it. `swift_ns` is how long
    every message takes, None if that has to be drawn or some are lost.
    """

    __slots__ = (
        "_base",
        "_delays",
        "_extra",
        "_free_ns",
        "_label",
        "_loss",
        "_losses",
        "is_cut",
        "swift_ns",
    )

    def __init__(self, base: LinkShape, label: str) -> None:
        """`label` begins the names of the link's streams, which are made when they are first drawn from."""
        self._base = base
        self._extra: LinkShape | None = None
        self._label = label
        self._delays: Random | None = None
        self._losses: Random | None = None
        self._free_ns = 0  # when the last message has left the sender
        self.is_cut = False
        self._settle()

    @property
    def extra(self) -> LinkShape | None:
        return self._extra

    def shape(self, extra: LinkShape | None) -> None:
        self._extra = extra
        self._settle()

    def cut(self, is_cut: bool) -> None:
        self.is_cut = is_cut
        self._settle()

    def passes(self) -> bool:
        """Whether the next attempt to send gets through."""
        if self.is_cut:
            return False
        if self._loss == 0:
            return True
        if self._losses is None:
            self._losses = Random(f"{self._label}:loss")  # noqa: S311  repeatable on purpose
        return self._losses.random() >= self._loss

    def arrival_ns(self, now_ns: int, size: int) -> int:
        """When a message of `size` bytes that is sent now arrives. Of several the later may arrive earlier."""
        if self.swift_ns is not None:
            return now_ns + self.swift_ns
        if self._delays is None:
            self._delays = Random(self._label)  # noqa: S311  repeatable on purpose
        sent_ns = now_ns
        delay = 0.0
        for shape in (self._base, self._extra):
            if shape is None:
                continue
            delay += shape.draw_delay(self._delays)
            if shape.bandwidth is not None:
                sent_ns = max(sent_ns, self._free_ns) + int(size / shape.bandwidth * _NANOSECONDS)
        self._free_ns = sent_ns
        return sent_ns + int(delay * _NANOSECONDS + 0.5)

    def _settle(self) -> None:
        """What most messages need, computed once."""
        shapes = [shape for shape in (self._base, self._extra) if shape is not None]
        kept = 1.0
        for shape in shapes:
            kept *= 1 - shape.loss
        self._loss = 1 - kept
        is_swift = all(shape.jitter == 0 and shape.bandwidth is None for shape in shapes)
        total = sum(shape.delay for shape in shapes)
        is_swift = is_swift and self._loss == 0 and not self.is_cut
        self.swift_ns = int(total * _NANOSECONDS + 0.5) if is_swift else None

"""SVG of a run: who ran when and under which fault, and how high each node's chain was. Pure; times in
nanoseconds since the run began.

Colours are classes that the page's style sheet gives a light and a dark value. Marks of which there can be
any number are limited, for a page that opens at once.
"""

import math
from collections.abc import Iterator, Sequence
from html import escape

from coda_executive.events.event import (
    CompanionCrashed,
    NodeCrashed,
    NodeInitialized,
    NodeKilled,
    NodePaused,
    NodeResumed,
    NodeStarted,
    NodeStopped,
)
from coda_executive.report.evidence import Evidence, NodeStory

_WIDTH = 1000
_LEFT = 150  # for the names of lanes
_LANE = 22
_BAR = 12
_TOP = 6
_CHART = 220
_MOST_POINTS = 20_000  # of all lines in the chart of heights
_MOST_MARKS = 6_000  # in all lanes of the timeline
_SERIES = 8  # colours there are for nodes


class _Axis:
    """Maps times of the run to the width of a drawing."""

    def __init__(self, end_ns: int) -> None:
        self.end_ns = max(end_ns, 1)

    def x(self, time_ns: int) -> float:
        return round(_LEFT + (_WIDTH - _LEFT - 10) * min(max(time_ns, 0), self.end_ns) / self.end_ns, 1)

    def ticks(self, top: float, bottom: float) -> Iterator[str]:
        """A line and a label for about eight round numbers of seconds."""
        step = _round_step(self.end_ns / 1e9 / 8)
        count = int(self.end_ns / 1e9 / step)
        for number in range(count + 1):
            x = self.x(round(number * step * 1e9))
            yield f'<line class="grid" x1="{x}" x2="{x}" y1="{top}" y2="{bottom}"/>'
            yield f'<text class="tick" x="{x}" y="{bottom + 14}" text-anchor="middle">{number * step:g} s</text>'


def timeline(evidence: Evidence) -> str:
    """Swim lanes: sections, waits and faults on top, then a lane for each node."""
    axis = _Axis(evidence.end_ns)
    lanes = [
        ("sections", list(_sections(evidence, axis))),
        ("waits", list(_waits(evidence, axis))),
        ("faults", list(_faults(evidence, axis))),
    ]
    lanes += [(story.name, list(_life(story, evidence, axis))) for story in evidence.nodes.values()]
    bottom = _TOP + _LANE * len(lanes)
    parts = [_opening("timeline", bottom + 20, "What ran when")]
    parts += axis.ticks(_TOP, bottom)
    most = _MOST_MARKS // len(lanes)
    for number, (name, marks) in enumerate(lanes):
        y = _TOP + number * _LANE
        parts.append(f'<g transform="translate(0 {y})">')
        parts.append(
            f'<text class="lane" x="{_LEFT - 8}" y="15" text-anchor="end">{escape(_short(name))}</text>'
        )
        parts += marks[:most]
        if len(marks) > most:
            parts.append(
                f'<text class="tick" x="{_WIDTH}" y="15" text-anchor="end">+{len(marks) - most}</text>'
            )
        parts.append("</g>")
    cause = evidence.first_cause
    if cause is not None:
        x = axis.x(cause.time_ns)
        parts.append(
            f'<g class="cause" data-ns="{cause.time_ns}"><line x1="{x}" x2="{x}" y1="{_TOP}" y2="{bottom}"/>'
            f"<title>{_seconds(cause.time_ns)}: {escape(cause.kind)}</title></g>"
        )
    return "".join([*parts, "</svg>"])


def heights(evidence: Evidence) -> str:
    """A step line for each node: the height of its best tip over time."""
    axis = _Axis(evidence.end_ns)
    highest = max((height for story in evidence.nodes.values() for _, height in story.heights), default=1)
    bottom = _TOP + _CHART

    def y(height: int) -> float:
        return round(bottom - (_CHART - 8) * height / highest, 1)

    parts = [_opening("heights", bottom + 20, "Height of each node's best tip over time")]
    parts += axis.ticks(_TOP, bottom)
    step = max(1, math.ceil(_round_step(highest / 5)))
    for height in range(0, highest + 1, step):
        parts.append(
            f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - 10}" y1="{y(height)}" y2="{y(height)}"/>'
        )
        parts.append(
            f'<text class="tick" x="{_LEFT - 8}" y="{y(height) + 4}" text-anchor="end">{height}</text>'
        )
    for number, story in enumerate(evidence.nodes.values()):
        if not story.heights:
            continue
        points = _thinned(story.heights, _MOST_POINTS // len(evidence.nodes))
        path = [f"M{axis.x(points[0][0])} {y(points[0][1])}"]
        path += [f"H{axis.x(time)}V{y(height)}" for time, height in points[1:]]
        path.append(f"H{axis.x(evidence.end_ns)}")
        # Nodes that agree lie on each other: the first ones are wider, so that each is seen.
        width = 1.6 + 1.4 * min(len(evidence.nodes) - 1 - number, _SERIES - 1)
        parts.append(
            f'<path class="series s{number % _SERIES}" style="stroke-width:{width:g}" d="{"".join(path)}">'
            f"<title>{escape(story.name)}: height {points[-1][1]}</title></path>"
        )
    return "".join([*parts, "</svg>"])


def legend(names: Sequence[str]) -> str:
    """Which colour is which node's."""
    items = "".join(
        f'<span><i class="s{number % _SERIES}"></i>{escape(name)}</span>' for number, name in enumerate(names)
    )
    return f'<p class="legend">{items}</p>'


def _sections(evidence: Evidence, axis: _Axis) -> Iterator[str]:
    for section in evidence.sections:
        ended = evidence.end_ns if section.ended_ns is None else section.ended_ns
        kind = {True: "good", False: "bad", None: "open"}[section.passed]
        title = f"{' / '.join(section.path)}: {_seconds(section.began_ns)} to {_seconds(ended)}"
        yield _bar(axis, section.began_ns, ended, kind, title, label=section.path[-1])


def _waits(evidence: Evidence, axis: _Axis) -> Iterator[str]:
    for wait in evidence.waits:
        ended = evidence.end_ns if wait.ended_ns is None else wait.ended_ns
        kind = "wait" if wait.result == "reached" else "bad" if wait.result else "open"
        yield _bar(
            axis, wait.began_ns, ended, kind, f"waiting for {wait.description}: {wait.result or 'open'}"
        )


def _faults(evidence: Evidence, axis: _Axis) -> Iterator[str]:
    for fault in evidence.faults:
        ended = evidence.end_ns if fault.ended_ns is None else fault.ended_ns
        title = f"{fault.description} from {_seconds(fault.began_ns)} to {_seconds(ended)}"
        yield _bar(axis, fault.began_ns, ended, "fault", title, label=fault.kind)


def _life(story: NodeStory, evidence: Evidence, axis: _Axis) -> Iterator[str]:
    """When its process ran, was paused and took part; what was done to it; how it ended."""
    since: int | None = None
    kind = before_pause = "running"
    marks = []
    for now, event in story.lifecycle:
        match event:
            case NodeStarted():
                word, after = ("started with fresh state" if event.fresh_state else "started"), "running"
            case NodeInitialized():
                word, after = "initialised", "good"
            case NodePaused():
                before_pause = kind
                word, after = "paused", "paused"
            case NodeResumed():
                word, after = "resumed", before_pause
            case NodeStopped():
                word, after = f"stopped{' by force' if event.forced else ''}", ""
            case NodeKilled():
                word, after = "killed by the test", ""
            case NodeCrashed():
                word, after = f"crashed: {event.signal or f'exit code {event.exit_code}'}", ""
        if since is not None and kind:
            yield _bar(axis, since, now, kind, f"{story.name} {kind}")
        since, kind = now, after
        marks.append(_mark(axis, now, type(event).__name__, f"{story.name} {word} at {_seconds(now)}"))
    for now, companion in story.companions:
        if isinstance(companion, CompanionCrashed):
            marks.append(_mark(axis, now, "NodeCrashed", f"{companion.companion} crashed at {_seconds(now)}"))
    if since is not None and kind:
        yield _bar(axis, since, evidence.end_ns, kind, f"{story.name} {kind}")
    for fault in evidence.faults:
        if story.name in fault.nodes:
            ended = evidence.end_ns if fault.ended_ns is None else fault.ended_ns
            x, width = axis.x(fault.began_ns), max(axis.x(ended) - axis.x(fault.began_ns), 1.5)
            yield (
                f'<rect class="under-fault" x="{x}" y="1" width="{width:.1f}" height="{_LANE - 2}">'
                f"<title>{escape(fault.description)}</title></rect>"
            )
    yield from marks


def _bar(axis: _Axis, began: int, ended: int, kind: str, title: str, *, label: str = "") -> str:
    x = axis.x(began)
    width = max(axis.x(ended) - x, 1.5)
    # A character is about 6 wide; a name that does not fit is told by the title alone.
    text = (
        f'<text class="in-bar" x="{x + 4}" y="15">{escape(label)}</text>'
        if label and width > 6 * len(label) + 8
        else ""
    )
    return (
        f'<g data-ns="{began}"><rect class="bar {kind}" x="{x}" y="{(_LANE - _BAR) / 2:g}" width="{width:.1f}" '
        f'height="{_BAR}" rx="2"/>{text}<title>{escape(title)}</title></g>'
    )


def _mark(axis: _Axis, now: int, kind: str, title: str) -> str:
    x, middle = axis.x(now), _LANE / 2
    match kind:
        case "NodeCrashed":
            shape = f'<path class="crash" d="M{x - 5} {middle - 5:g}l10 10m0 -10l-10 10"/>'
        case "NodeInitialized" | "NodeResumed":
            shape = f'<circle class="mark" cx="{x}" cy="{middle:g}" r="2.5"/>'
        case "NodeStarted":
            shape = f'<path class="mark" d="M{x} {middle - 6:g}l7 6l-7 6z"/>'
        case _:
            shape = f'<rect class="mark" x="{x - 3}" y="{middle - 5:g}" width="6" height="10"/>'
    return f'<g class="{kind}" data-ns="{now}">{shape}<title>{escape(title)}</title></g>'


def _opening(kind: str, height: float, title: str) -> str:
    return (
        f'<svg class="{kind}" viewBox="0 0 {_WIDTH} {height:g}" role="img" aria-label="{escape(title)}" '
        f'xmlns="http://www.w3.org/2000/svg">'
    )


def _thinned(points: list[tuple[int, int]], most: int) -> list[tuple[int, int]]:
    """At most about `most` of them, first and last included."""
    step = math.ceil(len(points) / most)
    return points if step <= 1 else [*points[:-1:step], points[-1]]


def _round_step(step: float) -> float:
    """The least of 1, 2, 5, 10, 20, … times a power of ten that is no less."""
    power: float = 10.0 ** math.floor(math.log10(max(step, 1e-9)))
    return next(power * factor for factor in (1, 2, 5, 10, 20) if power * factor >= step)


def _short(name: str) -> str:
    return name if len(name) <= 22 else f"{name[:10]}…{name[-11:]}"


def _seconds(time_ns: int) -> str:
    return f"{time_ns / 1e9:.2f} s"

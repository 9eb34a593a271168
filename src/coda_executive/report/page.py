"""The report of a run as one HTML page that needs no network and opens from disk."""

import json
import shlex
from collections.abc import Iterable
from html import escape
from importlib.resources import files

from coda_executive.dsl.sections import FoundError, Severity
from coda_executive.events.event import CompanionCrashed, NodeCrashed, NodeStarted
from coda_executive.executive.outcome import Verdict
from coda_executive.report.block_tree import MOST_BLOCKS, block_tree
from coda_executive.report.drawing import heights, legend, timeline
from coda_executive.report.evidence import Evidence, Wait
from coda_executive.report.log_pack import PackedLogs
from coda_executive.validation.finding import Finding, Validity
from coda_protocol.structured_events import Level

_ASSETS = files("coda_executive.report") / "assets"
# Nothing may be loaded from anywhere; what is needed is in the page.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
_MOST_ERRORS = 300
_MOST_ROWS = 1_000
_NEXT = "next: "  # begins a line of an error that says what to do
_LITTLE_HEADROOM = 0.8  # of the hard limit used


def render_page(evidence: Evidence, logs: PackedLogs) -> str:
    """The whole page. The same run directory gives the same page."""
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
        '<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">',
        f"<title>{escape(evidence.run.test)}: {escape(evidence.verdict)}</title>",
        f"<style>{_asset('report.css')}</style></head><body>",
        _top(evidence),
        "<main>",
        _part("nodes", "Nodes", _nodes(evidence)),
        _part("timeline", "Timeline", f'<div class="wide">{timeline(evidence)}</div>{_timeline_key()}'),
        _part("sections", "Sections", _sections(evidence)),
        _part("errors", "Errors and warnings", _errors(evidence)),
        _part("waits", "Waits", _waits(evidence.waits)),
        _part("measurements", "Measurements", _measurements(evidence)) if evidence.measurements else "",
        _part("heights", "Heights", _heights(evidence)),
        _part("trees", "Blocks that each node took", _trees(evidence)),
        _part("validators", "Validators", _findings(evidence.findings)),
        _part("run", "Run", _facts(evidence)),
        _part("logs", "Logs", _logs(logs)),
        "</main>",
        *(f'<script type="text/plain" class="chunk">{chunk}</script>' for chunk in logs.chunks),
        f'<script type="application/json" id="log-facts">{_log_facts(evidence, logs)}</script>',
        f"<script>{_asset('report.js')}</script></body></html>\n",
    ]
    return "\n".join(parts)


def _asset(name: str) -> str:
    return (_ASSETS / name).read_text(encoding="utf-8")


def _part(name: str, title: str, body: str) -> str:
    return f'<section id="{name}"><h2>{escape(title)}</h2>{body}</section>'


def _top(evidence: Evidence) -> str:
    run = evidence.run
    kind = {Verdict.PASSED: "good", Verdict.FAILED: "bad"}.get(evidence.verdict, "unsure")
    parts = [
        f'<header class="{kind}"><h1><span class="verdict">{escape(evidence.verdict.upper())}</span> '
        f"{escape(run.test)}</h1>",
        f"<p>on {escape(run.engine)}, seed {run.seed}, {evidence.end_ns / 1e9:.2f} s of history</p>",
    ]
    cause = evidence.first_cause
    if cause is not None:
        where = f" in {escape(' / '.join(cause.section))}" if cause.section else ""
        at = _moment(cause.time_ns)
        parts.append(
            f'<div id="cause"><p><strong>First cause: {escape(cause.kind)}</strong>{where} at {at}</p>'
            f"{_message(cause, run.run_id)}</div>"
        )
    if evidence.skipped is not None:
        parts.append(f"<p>Skipped: {escape(evidence.skipped)}</p>")
    if evidence.doing is not None:
        parts.append(f"<p>It was {escape(evidence.doing)}.</p>")
    parts += [f'<p class="remark">{escape(remark)}</p>' for remark in evidence.remarks]
    if run.command:
        command = escape(shlex.join(run.command))
        parts.append(
            f'<p class="repeat">Repeat: <code id="repeat">{command}</code> '
            f'<button type="button" data-copy="repeat">Copy</button></p>'
        )
    parts.append("</header>")
    return "".join(parts)


def _nodes(evidence: Evidence) -> str:
    rows = []
    for name, story in evidence.nodes.items():
        state = evidence.node_state(name)
        starts = sum(isinstance(event, NodeStarted) for _, event in story.lifecycle)
        crashes = sum(isinstance(event, NodeCrashed) for _, event in story.lifecycle)
        crashes += sum(isinstance(event, CompanionCrashed) for _, event in story.companions)
        errors = sum(state.errors.values()) + state.errors_not_kept
        last = "" if state.last_event_ns is None else _moment(state.last_event_ns)
        tip = (
            f'<code title="{escape(state.best_tip)}">…{escape(state.best_tip[-8:])}</code>'
            if state.best_tip
            else ""
        )
        ended = ""
        if state.crash is not None:
            ended = f" ({escape(state.crash.signal or f'exit code {state.crash.exit_code}')})"
        ended += "".join(f"; {escape(companion)} crashed" for companion in state.lost_companions)
        rows.append(
            f'<tr class="{"bad" if crashes else ""}"><th scope="row">{escape(name)}</th><td>{escape(story.role)}</td>'
            f"<td>{escape(state.condition)}{ended}</td><td>{escape(state.sync_status or '')}</td>"
            f'<td class="number">{state.height if state.height is not None else ""}</td><td>{tip}</td>'
            f'<td class="number">{state.blocks_produced}</td><td class="number">{starts}</td>'
            f'<td class="number">{crashes}</td><td class="number">{errors}</td><td class="number">{last}</td></tr>'
        )
    head = (
        "Node",
        "Role",
        "Last condition",
        "Status",
        ">Height",
        "Best tip",
        ">Produced",
        ">Starts",
        ">Crashes",
    )
    return (
        _table([*head, ">Warnings and errors", ">Last heard of"], rows)
        if rows
        else "<p>No node was planned.</p>"
    )


def _heights(evidence: Evidence) -> str:
    if not any(story.heights for story in evidence.nodes.values()):
        return "<p>No node told a best tip.</p>"
    return f'<div class="wide">{heights(evidence)}</div>' + legend(list(evidence.nodes))


def _timeline_key() -> str:
    kinds = (
        ("running", "process runs"),
        ("good", "takes part; section passed"),
        ("paused", "paused"),
        ("fault", "fault"),
        ("wait", "wait"),
        ("bad", "failed"),
    )
    items = "".join(f'<span><i class="{kind}"></i>{text}</span>' for kind, text in kinds)
    return f'<p class="legend">{items}<span>✕ crash</span></p><p class="hint">Click to see the logs of that moment.</p>'


def _sections(evidence: Evidence) -> str:
    marks = {True: ("good", "passed"), False: ("bad", "failed"), None: ("unsure", "cut short")}
    rows = []
    for section in evidence.sections:
        kind, word = marks[section.passed]
        taken = "" if section.ended_ns is None else f"{(section.ended_ns - section.began_ns) / 1e9:.2f} s"
        depth = len(section.path) - 1
        rows.append(
            f'<tr><th scope="row" style="padding-left:{depth * 1.5 + 0.5}em">{escape(section.path[-1])}</th>'
            f'<td><span class="badge {kind}">{word}</span></td><td class="number">{_moment(section.began_ns)}</td>'
            f'<td class="number">{taken}</td></tr>'
        )
    return _table(("Section", "", ">Began", ">Took"), rows) if rows else "<p>The test has no sections.</p>"


def _errors(evidence: Evidence) -> str:
    if not evidence.errors:
        return "<p>None.</p>"
    shown = "".join(_error(error, evidence.run.run_id) for error in evidence.errors[:_MOST_ERRORS])
    more = len(evidence.errors) - _MOST_ERRORS
    return shown + (f"<p>And {more} more, in outcome.json.</p>" if more > 0 else "")


def _error(error: FoundError, run_id: str) -> str:
    kind = "unsure" if error.severity is Severity.WARNING else "bad"
    where = f" in {escape(' / '.join(error.section))}" if error.section else ""
    return (
        f'<div class="error"><p><span class="badge {kind}">{escape(error.severity)}</span> '
        f"<strong>{escape(error.kind)}</strong>{where} at {_moment(error.time_ns)}</p>"
        f"{_message(error, run_id)}</div>"
    )


def _message(error: FoundError, run_id: str) -> str:
    """What was found; below it, outside of what may have to be scrolled, what to do next."""
    lines = error.message.splitlines()
    told = "\n".join(line for line in lines if not line.startswith(_NEXT))
    steps = [
        line.removeprefix(_NEXT).replace(" RUN ", f" {run_id} ") for line in lines if line.startswith(_NEXT)
    ]
    shown = (
        f"<code>{escape(step)}</code>" if step.startswith("coda-executive ") else escape(step)
        for step in steps
    )
    return f"<pre>{escape(told)}</pre>" + "".join(f'<p class="next">Next: {step}</p>' for step in shown)


def _waits(waits: list[Wait]) -> str:
    rows = []
    for wait in waits[:_MOST_ROWS]:
        taken = "" if wait.taken is None else f"{wait.taken:.2f} s"
        rows.append(
            f'<tr><th scope="row">{escape(wait.description)}</th><td>{escape(" / ".join(wait.section))}</td>'
            f'<td class="number">{_moment(wait.began_ns)}</td><td class="number">{taken}</td>'
            f"<td>{_limit(wait.soft, wait.soft_seconds)}</td><td>{_limit(wait.hard, wait.hard_seconds)}</td>"
            f"<td>{_headroom(wait)}</td>"
            f'<td><span class="badge {"good" if wait.result == "reached" else "bad"}">'
            f"{escape(wait.result or 'never ended')}</span></td><td>{escape(wait.progress)}</td></tr>"
        )
    head = (
        "Wait for",
        "Section",
        ">Began",
        ">Took",
        "Soft limit",
        "Hard limit",
        "Head-room",
        "Result",
        "Last progress",
    )
    if not rows:
        return "<p>The test waited for nothing.</p>"
    more = len(waits) - _MOST_ROWS
    return _table(head, rows) + (f"<p>And {more} more, in report.json.</p>" if more > 0 else "")


def _measurements(evidence: Evidence) -> str:
    rows = [
        f'<tr><th scope="row">{escape(measured.name)}</th><td>{escape(measured.node or "")}</td>'
        f'<td class="number">{measured.value:.6g}</td>'
        f'<td>{escape(measured.unit)}</td><td class="number">{_moment(now)}</td></tr>'
        for now, measured in evidence.measurements[:_MOST_ROWS]
    ]
    more = len(evidence.measurements) - _MOST_ROWS
    told = f"<p>And {more} more, in report.json.</p>" if more > 0 else ""
    return _table(("Name", "Node", ">Value", "Unit", ">At"), rows) + told


def _limit(words: str, seconds: float | None) -> str:
    return escape(words) if seconds is None else f"{escape(words)} <small>({seconds:.4g} s)</small>"


def _headroom(wait: Wait) -> str:
    used = wait.used
    if used is None:
        return ""
    slow = wait.taken is not None and wait.soft_seconds is not None and wait.taken > wait.soft_seconds
    kind = "bad" if used > _LITTLE_HEADROOM else "unsure" if slow else "good"
    part = min(used, 1.0)
    return (
        f'<span class="room" title="{used:.0%} of the hard limit was used"><i class="{kind}" '
        f'style="width:{part:.1%}"></i></span> {max(1 - used, 0):.0%} left'
    )


def _trees(evidence: Evidence) -> str:
    most = MOST_BLOCKS // max(len(evidence.nodes), 1)
    parts = [
        f"<details{' open' if number == 0 else ''}><summary>{escape(name)}</summary>"
        f"{block_tree(story, evidence.node_state(name).best_tip, evidence.state.blocks, most=most)}</details>"
        for number, (name, story) in enumerate(evidence.nodes.items())
    ]
    key = (
        ("best", "on the chain of its best tip"),
        ("fork", "off it"),
        ("best tip", "best tip"),
        ("best root", "root of its frontier"),
    )
    items = "".join(
        f'<span><svg class="tree" width="16" height="16"><circle class="{kind}" cx="8" cy="8" r="5"/></svg>'
        f"{text}</span>"
        for kind, text in key
    )
    return f'<p class="legend">{items}</p>{"".join(parts)}' if parts else "<p>There were no nodes.</p>"


def _findings(findings: tuple[Finding, ...]) -> str:
    kinds = {
        Validity.VALID: "good",
        Validity.INVALID: "bad",
        Validity.UNKNOWN: "unsure",
        Validity.VACUOUS: "open",
    }
    rows = []
    for finding in sorted(findings, key=lambda finding: list(kinds).index(finding.validity)):
        witness = f"<pre>{escape(chr(10).join(finding.witness))}</pre>" if finding.witness else ""
        rows.append(
            f'<tr><th scope="row">{escape(finding.validator)}</th>'
            f'<td><span class="badge {kinds[finding.validity]}">{escape(finding.validity)}</span></td>'
            f'<td class="number">{finding.violations} of {finding.chances}</td>'
            f"<td>{escape(finding.sentence)}{witness}</td></tr>"
        )
    head = ("Validator", "", ">Violations of chances", "What it says")
    return _table(head, rows) if rows else "<p>The run ended before its validation.</p>"


def _facts(evidence: Evidence) -> str:
    run = evidence.run
    facts = [
        ("Run", run.run_id),
        ("Began", run.started),
        ("Engine", run.engine),
        ("Options", json.dumps(dict(run.options))),
        ("Daemon", run.daemon or "the reference daemon"),
        ("Seed", str(run.seed)),
        ("Exit code", str(evidence.exit_code)),
        ("Coda Executive", f"{run.version}, Python {run.python}"),
        ("Phases", ", ".join(f"{phase} {seconds:.2f} s" for phase, seconds in evidence.phases)),
    ]
    rows = [f'<tr><th scope="row">{name}</th><td>{escape(value)}</td></tr>' for name, value in facts]
    return f'<table class="facts"><tbody>{"".join(rows)}</tbody></table>'


def _logs(logs: PackedLogs) -> str:
    if not logs.lines:
        return "<p>No node wrote a line.</p>"
    nodes = "".join(
        f'<label><input type="checkbox" class="log-node" value="{number}" checked> {escape(name)}</label>'
        for number, name in enumerate(logs.nodes)
    )
    levels = "".join(
        f'<option value="{level.value + 1}">{level.text} and above</option>' for level in list(Level)[1:]
    )
    left_out = (
        f'<p class="remark">The first {logs.left_out:,} lines are left out; '
        f"<code>coda-executive logs</code> shows all of them.</p>"
        if logs.left_out
        else ""
    )
    return (
        f'{left_out}<form id="log-filter"><input type="search" id="log-text" placeholder="Text in any case" '
        f'aria-label="Text"><select id="log-level" aria-label="Level"><option value="0">All levels</option>{levels}'
        f'</select><span class="log-nodes">{nodes}</span>'
        f'<output id="log-count">{logs.lines:,} lines, being read</output>'
        f'</form><div id="log-view" tabindex="0"><div id="log-height"><div id="log-rows"></div></div></div>'
        f'<pre id="log-line" hidden></pre>'
        f"<noscript><p>The logs need JavaScript; they are in nodes/ as well.</p></noscript>"
    )


def _log_facts(evidence: Evidence, logs: PackedLogs) -> str:
    facts = {
        "lines": logs.lines,
        "nodes": logs.nodes,
        "firstNumbers": logs.first_numbers,
        "zeroMs": logs.zero_ms,
        "epochMs": None if logs.zero is None else logs.zero.timestamp() * 1000,
        "levels": ["", *(level.text for level in Level)],
    }
    # "</script>" in a name would end the element.
    return json.dumps(facts).replace("<", "\\u003c")


def _moment(time_ns: int) -> str:
    """A time that leads to the logs of that moment."""
    return f'<a href="#logs" data-ns="{time_ns}">{time_ns / 1e9:.2f} s</a>'


def _table(head: Iterable[str], rows: Iterable[str]) -> str:
    """A title that begins with ">" is that of a column of numbers."""
    cells = "".join(
        f'<th scope="col" class="number">{title[1:]}</th>'
        if title.startswith(">")
        else f'<th scope="col">{title}</th>'
        for title in head
    )
    return f'<div class="wide"><table><thead><tr>{cells}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'

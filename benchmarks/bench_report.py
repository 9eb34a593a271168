"""The page of a run with 400,000 log lines: made, opened in Debian's chromium, and filtered.

The bars: it opens, logs and all, in 1.5 s, filters in 100 ms, and is under 5 MB without its logs. The page of an
ordinary run, which every run waits for at its end, has 0.3 s. The best of several rounds counts.
"""

import asyncio
import re
import shutil
import sys
import tempfile
import timeit
from pathlib import Path

from coda_executive.report.evidence import read_evidence
from coda_executive.report.write import PAGE, write_page, write_reports

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.coda_executive.report import big_run
from tests.coda_executive.report.browser import Page, browser
from tests.coda_executive.report.made_runs import make_run

LINES = 400_000
ORDINARY_LINES = 5_000
ROUNDS = 5
_FILTERED = """(() => {
    const text = document.getElementById('log-text');
    text.value = 'QUERY';
    text.dispatchEvent(new Event('input', {bubbles: true}));
    return performance.getEntriesByName('filter').at(-1).duration;
})()"""


def run() -> list[str]:
    """Lines for people."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        directory = Path(name)
        ordinary = make_run(directory / "ordinary", logs={})
        big_run.write_logs(ordinary, lines=ORDINARY_LINES)
        every_run = min(timeit.repeat(lambda: write_reports(ordinary), number=1, repeat=ROUNDS))
        run = make_run(directory / "big", logs={})
        big_run.write_logs(run, lines=LINES)
        made = timeit.timeit(lambda: write_page(read_evidence(run), run / PAGE), number=1)
        page = (run / PAGE).read_text()
        logs = sum(map(len, re.findall(r'class="chunk">([^<]*)<', page)))
        lines = [
            f"reports of {ORDINARY_LINES} lines written   {every_run * 1e3:7.1f} ms   bar 300 ms",
            f"page of {LINES} lines written     {made:7.2f} s",
            f"size without logs               {(len(page) - logs) / 1e6:7.2f} MB   bar 5 MB   logs {logs / 1e6:.1f} MB",
        ]
        if shutil.which("chromium") is None:
            return [*lines, "chromium is not installed: the page was not opened"]
        return [*lines, *asyncio.run(_opened(run / PAGE, directory / "profile"))]


async def _opened(path: Path, profile: Path) -> list[str]:
    async with browser(profile) as page:
        opened, painted = [], []
        for _ in range(ROUNDS):
            await page.open(path)
            opened.append(await page.run("performance.getEntriesByName('logs ready')[0].startTime"))
            painted.append(await page.run("performance.getEntriesByType('paint')[0]?.startTime ?? Infinity"))
        lines = [
            f"first painted after             {min(painted):7.0f} ms",
            f"opened with all logs after      {min(opened):7.0f} ms   bar 1500 ms",
        ]
        return [*lines, *[await _filtered(page, query) for query in ("needle", "e", "no such text")]]


async def _filtered(page: Page, query: str) -> str:
    taken = [await page.run(_FILTERED.replace("QUERY", query)) for _ in range(ROUNDS)]
    return f"filtered by {query!r:<20}{min(taken):7.0f} ms   worst {max(taken):.0f} ms   bar 100 ms"


if __name__ == "__main__":
    sys.stdout.write("\n".join(run()) + "\n")

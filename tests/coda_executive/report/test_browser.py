"""The page in a real browser, light and dark, with 400,000 lines of logs."""

import base64
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.coda_executive.report import big_run
from tests.coda_executive.report.browser import Page, browser
from tests.coda_executive.report.made_runs import ONE, TWO, make_run

from coda_executive.report.evidence import read_evidence
from coda_executive.report.write import PAGE, write_page

pytestmark = [
    pytest.mark.browser,
    pytest.mark.real,
    pytest.mark.skipif(
        shutil.which("chromium") is None, reason="chromium is not installed: apt-get install chromium"
    ),
]
LINES = 400_000


@pytest.fixture
async def page(tmp_path: Path) -> AsyncIterator[Page]:
    async with browser(tmp_path / "profile") as tab:
        yield tab
        assert tab.problems == []


@pytest.fixture(scope="module")
def big_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a run whose four nodes wrote 400,000 lines."""
    directory = make_run(tmp_path_factory.mktemp("big") / "run", logs={})
    big_run.write_logs(directory, lines=LINES)
    return written(directory)


def written(directory: Path) -> Path:
    write_page(read_evidence(directory), directory / PAGE)
    return directory / PAGE


async def choose(page: Page, *, text: str = "", level: str = "0", without: tuple[str, ...] = ()) -> str:
    """Set the filters of the logs as a user does, and answer what the page says of the count."""
    return str(
        await page.run(
            f"""(() => {{
                const change = (element) => element.dispatchEvent(new Event('input', {{bubbles: true}}));
                const text = document.getElementById('log-text');
                const level = document.getElementById('log-level');
                for (const box of document.querySelectorAll('.log-node'))
                    box.checked = !{list(without)!r}.includes(box.parentElement.textContent.trim());
                [text.value, level.value] = [{text!r}, {level!r}];
                change(text);
                return document.getElementById('log-count').textContent;
            }})()"""
        )
    )


async def rows(page: Page) -> list[str]:
    found = await page.run("[...document.querySelectorAll('#log-rows div')].map((row) => row.textContent)")
    assert isinstance(found, list)
    return found


async def test_the_logs_of_400_000_lines_are_filtered_by_node_level_and_text(
    page: Page, big_page: Path
) -> None:
    """A tenth of a thousandth of the lines is an error, all of them in one node."""
    await page.open(big_page)

    assert await choose(page) == "400,000 lines"
    assert await choose(page, text="NEEDLE") == "100 of 400,000 lines"
    assert await choose(page, text="mina_networking: received a block") == "80,000 of 400,000 lines"
    assert await choose(page, text="mina_networking", without=("seed-1",)) == "120,000 of 400,000 lines"
    assert await choose(page, level="7") == "100 of 400,000 lines"
    assert await choose(page, level="7", without=("seed-1",)) == "0 of 400,000 lines"
    assert await choose(page, text="no such text") == "0 of 400,000 lines"
    assert await rows(page) == []


async def test_only_what_is_in_sight_is_drawn_down_to_the_last_line(page: Page, big_page: Path) -> None:
    await page.open(big_page)
    at_first = await rows(page)
    at_last = await page.run(
        """new Promise((resolve) => {
            const view = document.getElementById('log-view');
            view.addEventListener('scroll', () => setTimeout(() =>
                resolve(document.querySelector('#log-rows').lastElementChild.textContent)), {once: true});
            view.scrollTop = view.scrollHeight;
        })"""
    )

    assert len(at_first) < 100
    assert "block-producer-1" in at_first[0]
    assert at_last.split()[:2] == ["25000.750", "s"]
    assert "snark-coordinator-1" in at_last or "seed-1" in at_last


async def test_a_line_tells_where_it_is_in_its_nodes_log(page: Page, big_page: Path) -> None:
    """The second error of seed-1 is its line 2000. The run heard of line 1 a second after it began."""
    await page.open(big_page)
    await choose(page, text="needle")
    await page.run("document.querySelectorAll('#log-rows div')[1].click()")

    told = await page.run("document.getElementById('log-line').textContent")

    assert told.startswith(
        "nodes/seed-1/daemon.log:2000   500.750 s after the run began   2030-01-01T00:08:19.750Z"
    )


async def test_a_moment_of_the_timeline_leads_to_its_lines(page: Page, tmp_path: Path) -> None:
    """The crash is 4 s after the run began; the run heard of line 1 of each log 1 s after that was written."""
    await page.open(written(make_run(tmp_path / "run")))
    await page.run(
        "document.querySelector('.NodeInitialized[data-ns]').dispatchEvent(new MouseEvent('click', {bubbles: true}))"
    )

    picked = await page.run(_PICKED)

    assert "block-producer-2" in picked or "block-producer-1" in picked
    assert picked.split()[0] == "1.000"


async def test_the_logs_open_at_the_first_cause_with_what_led_to_it_above(page: Page, tmp_path: Path) -> None:
    """An error at 3 s; each node wrote a line a second."""
    logs = {node: [f"line {second}" for second in range(1, 100)] for node in (ONE, TWO)}
    await page.open(written(make_run(tmp_path / "run", logs=logs)))

    shown = await rows(page)
    picked = await page.run(_PICKED)

    assert shown.index(picked) == 4
    assert picked.split()[0] == "3.000"


async def test_the_line_that_is_looked_at_stays_in_sight_when_filters_change(
    page: Page, big_page: Path
) -> None:
    await page.open(big_page)
    await choose(page, text="needle")
    await page.run("document.querySelectorAll('#log-rows div')[20].click()")
    before = await page.run(_PICKED)

    await choose(page)

    assert "needle" in before
    assert (await page.run(_PICKED)) == before


@pytest.mark.parametrize("dark", [False, True])
async def test_the_page_is_light_or_dark_as_its_reader_likes(page: Page, tmp_path: Path, dark: bool) -> None:
    """No text is too faint to read on its ground, and nothing sticks out to the side."""
    await page.open(written(make_run(tmp_path / "run")), dark=dark)

    assert (await brightness(page) < 100) is dark
    assert await page.run(_FAINT_TEXTS) == []
    assert await page.run("document.documentElement.scrollWidth - innerWidth") <= 0


async def test_the_page_fits_a_small_screen(page: Page, tmp_path: Path) -> None:
    await page.open(written(make_run(tmp_path / "run")), width=420)

    assert await page.run("document.documentElement.scrollWidth - innerWidth") <= 0


_PICKED = "document.querySelector('#log-rows .picked').textContent"

# Texts whose contrast with what is behind them is under 4.5 to 1, the least that WCAG AA allows.
_FAINT_TEXTS = """(() => {
    const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
    const rgb = (colour) => {
        canvas.clearRect(0, 0, 1, 1);
        canvas.fillStyle = colour;
        canvas.fillRect(0, 0, 1, 1);
        return [...canvas.getImageData(0, 0, 1, 1).data];
    };
    const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
        .map((v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
        .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
    const ground = (element) => {
        for (; element; element = element.parentElement) {
            const colour = rgb(getComputedStyle(element).backgroundColor);
            if (colour[3] > 250) return colour;
        }
        return [255, 255, 255];
    };
    const faint = [];
    for (const element of document.querySelectorAll('body *:not(svg *):not(script)')) {
        const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
        if (!own || !element.checkVisibility()) continue;
        const [a, b] = [light(rgb(getComputedStyle(element).color)), light(ground(element))];
        const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        if (contrast < 4.5) faint.push(`${contrast.toFixed(2)}: ${element.textContent.slice(0, 40)}`);
    }
    return faint;
})()"""


async def brightness(page: Page) -> float:
    """The mean of what is seen, 0 to 255: the screenshot, shrunk by the browser itself."""
    png = base64.b64encode(await page.screenshot()).decode()
    mean = await page.run(
        f"""(async () => {{
            const bytes = Uint8Array.from(atob('{png}'), (letter) => letter.charCodeAt(0));
            const seen = await createImageBitmap(new Blob([bytes]), {{resizeWidth: 32, resizeHeight: 32}});
            const canvas = new OffscreenCanvas(32, 32).getContext('2d');
            canvas.drawImage(seen, 0, 0);
            const samples = canvas.getImageData(0, 0, 32, 32).data.filter((_, at) => at % 4 < 3);
            return samples.reduce((sum, sample) => sum + sample, 0) / samples.length;
        }})()"""
    )
    return float(mean)

import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from coda_executive.cli.logs import show_logs
from coda_executive.cli.main import run_cli
from coda_executive.config.node_id import NodeId
from coda_executive.executive.run_directory import RunDirectory


def record(second: int, message: str, level: str = "Info", **metadata: object) -> str:
    return json.dumps(
        {
            "timestamp": f"2024-05-01 12:00:{second:02d}.000000Z",
            "level": level,
            "source": {"module": "Mina_lib", "location": "L"},
            "message": message,
            "metadata": metadata,
        }
    )


SEED = [record(1, "start"), record(4, "peer $peer left", "Warn", peer="A"), "Stack overflow \udcff"]
NODE = [record(2, "start"), record(3, "a block", block={"height": 2}), record(5, "bad", "Error")]


def write(run: Path, node: str, lines: list[str], end: str = "\n") -> None:
    path = run / "nodes" / node / "daemon.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        file.write(("\n".join(lines) + end).encode(errors="surrogateescape"))


@pytest.fixture
def run(tmp_path: Path) -> Path:
    write(tmp_path, "seed-1", SEED)
    write(tmp_path, "node-1", NODE)
    (tmp_path / "outcome.json").write_text("{}")
    return tmp_path


Logs = Callable[..., list[str]]


@pytest.fixture
def logs(run: Path, capfd: pytest.CaptureFixture[str]) -> Logs:
    """Call the command; give what it printed."""

    def call(*options: str) -> list[str]:
        assert run_cli(["logs", str(run), *options]) == 0
        shown = capfd.readouterr()
        assert shown.err == ""
        return shown.out.splitlines()

    return call


def test_all_nodes_are_shown_by_time(logs: Logs) -> None:
    assert logs() == [
        "[2024-05-01 12:00:01.000000Z] seed-1 INFO Mina_lib: start",
        "[2024-05-01 12:00:02.000000Z] node-1 INFO Mina_lib: start",
        "[2024-05-01 12:00:03.000000Z] node-1 INFO Mina_lib: a block",
        "[2024-05-01 12:00:04.000000Z] seed-1 WARN Mina_lib: peer A left",
        "[2024-05-01 12:00:04.000000Z] seed-1 | Stack overflow �",
        "[2024-05-01 12:00:05.000000Z] node-1 ERROR Mina_lib: bad",
    ]


@pytest.mark.parametrize(
    ("options", "ends"),
    [
        (["--node", "seed-1"], ["start", "left", "�"]),
        (
            ["--node", "seed-1", "--node", "node-1", "--node", "seed-1", "--filter", '"start"'],
            ["start", "start"],
        ),
        (["--level", "warn"], ["left", "�", "bad"]),
        (["--level", "Error", "--node", "node-1"], ["bad"]),
        (["--filter", '.level >= "Warn"'], ["left", "bad"]),
        (["--filter", '.level >= "Warn" && node != "node-1"'], ["left"]),
        (["--filter", ".metadata.block.height == 2"], ["a block"]),
        (["--filter", "node in []"], []),
        # Seconds since the first line of the run, not of the nodes that are shown.
        (["--filter", ".time >= 2 && .time < 4"], ["a block", "left", "�"]),
        (["--filter", ".time <= 1", "--node", "node-1"], ["start"]),
        (["--filter", '"bad"', "--follow"], ["bad"]),
    ],
)
def test_only_wanted_lines_are_shown(logs: Logs, options: list[str], ends: list[str]) -> None:
    shown = logs(*options)

    assert len(shown) == len(ends)
    assert all(line.endswith(end) for line, end in zip(shown, ends, strict=True)), shown


def test_raw_lines_are_as_written_with_their_node_in_front(
    run: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert run_cli(["logs", str(run), "--raw", "--level", "warn"]) == 0
    left, overflow, bad = capfdbinary.readouterr().out.splitlines()
    assert left == b"seed-1 " + SEED[1].encode()
    assert overflow == b"seed-1 Stack overflow \xff"
    assert bad == b"node-1 " + NODE[2].encode()

    assert run_cli(["logs", str(run), "--raw", "--node", "node-1"]) == 0
    assert capfdbinary.readouterr().out.decode().splitlines() == NODE


def test_json_lines_are_the_records_with_their_node(run: Path, logs: Logs) -> None:
    write(run, "node-1", [' {"level": "Fatal", "message": ""} ', "{}", "  in f"])

    shown = [json.loads(line) for line in logs("--json", "--level", "warn")]

    assert shown == [
        {"node": "seed-1", **json.loads(SEED[1])},
        {"node": "seed-1", "text": "Stack overflow �"},
        {"node": "node-1", **json.loads(NODE[2])},
        {"node": "node-1", "level": "Fatal", "message": ""},
        {"node": "node-1", "text": "{}"},
        {"node": "node-1", "text": "  in f"},
    ]


WORKER = ["2024-05-01 12:00:03 UTC [Warn] no $work yet", "\tattempt: 2"]


def test_companions_are_shown_with_their_node_and_alone(run: Path, logs: Logs) -> None:
    """A worker writes for people, to the second; an archive writes records."""
    (run / "nodes" / "seed-1" / "worker-1.log").write_text("\n".join([*WORKER, ""]))
    (run / "nodes" / "seed-1" / "archive.log").write_text(record(2, "stored") + "\n")
    worker = [
        "[2024-05-01 12:00:03.000000Z] seed-1-worker-1 WARN no $work yet",
        "[2024-05-01 12:00:03.000000Z] seed-1-worker-1 | \tattempt: 2",
    ]
    archive = "[2024-05-01 12:00:02.000000Z] seed-1-archive INFO Mina_lib: stored"

    assert [line for line in logs() if "seed-1-" in line] == [archive, *worker]
    assert [line for line in logs("--node", "seed-1") if "seed-1-" in line] == [archive, *worker]
    assert logs("--node", "seed-1-worker-1") == worker
    assert logs("--node", "seed-1-worker-1", "--level", "error") == worker[1:]
    assert logs("--node", "seed-1-archive", "--filter", ".time < 2") == [archive]
    assert [json.loads(line) for line in logs("--node", "seed-1-worker-1", "--json")] == [
        {"node": "seed-1-worker-1", "text": line} for line in WORKER
    ]
    assert not any("seed-1" in line for line in logs("--node", "node-1"))


def test_a_torn_last_line_is_shown_as_it_is(run: Path, logs: Logs) -> None:
    torn = record(6, "torn")[:40]
    write(run, "node-1", [torn], end="")

    assert logs()[-1] == f"[2024-05-01 12:00:05.000000Z] node-1 | {torn}"


def test_colour_tells_the_level(logs: Logs) -> None:
    left, overflow, bad = logs("--color", "--level", "warn")

    assert left.startswith("\x1b[33m[")
    assert left.endswith("left\x1b[0m")
    assert overflow.startswith("[")
    assert bad.startswith("\x1b[31m[")
    assert not any("\x1b" in line for line in logs("--no-color"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--filter", ".level >= "], "cannot be understood at column 10"),
        (["--node", "node-9"], "has no node 'node-9'; it has node-1, seed-1"),
        (["--node", "node-9", "--follow"], "has no node 'node-9'; it has node-1, seed-1"),
        (["--level", "loud"], "'loud' is not one of"),
    ],
)
def test_bad_options_exit_with_4_and_say_what_is_wrong(
    run: Path, capfd: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    assert run_cli(["logs", str(run), *options]) == 4
    assert message in capfd.readouterr().err


def test_a_log_that_cannot_be_read_is_an_infrastructure_failure(
    run: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (run / "nodes" / "odd" / "daemon.log").mkdir(parents=True)

    assert run_cli(["logs", str(run)]) == 3
    assert f"cannot show the logs of {run}" in capfd.readouterr().err


def test_the_newest_run_is_the_default_and_is_named(
    run: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (run / "runs").mkdir()
    write(run / "runs" / "payments-1", "seed-1", SEED[:1])
    monkeypatch.chdir(run)

    assert run_cli(["logs"]) == 0

    shown = capfd.readouterr()
    assert shown.err == "run payments-1\n"
    assert shown.out.endswith("seed-1 INFO Mina_lib: start\n")


class Script:
    """What happens to a run while its logs are followed, a step each look; notes what had been shown by then."""

    def __init__(self, *steps: Callable[[], object]) -> None:
        self.out = io.BytesIO()
        self.shown: list[list[str]] = []
        self._steps = iter(steps)
        self._reached = 0

    def sleep(self, seconds: float) -> None:
        assert seconds == 0.1
        self.note()
        next(self._steps)()

    def note(self) -> None:
        shown = self.out.getvalue()[self._reached :].decode()
        self._reached += len(shown)
        self.shown.append(shown.splitlines())

    def follow(self, run: Path, *nodes: NodeId) -> list[list[str]]:
        show_logs(run, nodes, lambda _: True, lambda line: line.text, self.out, follow=True, sleep=self.sleep)
        self.note()
        assert next(self._steps, None) is None
        return self.shown


def test_following_shows_what_is_written_and_ends_with_the_run(tmp_path: Path) -> None:
    a, b, c, d, e = (record(second, f"line {second}") for second in range(5))
    write(tmp_path, "node-1", [b])
    write(tmp_path, "node-2", [a])

    def write_half_a_line_and_start_a_node() -> None:
        write(tmp_path, "node-1", [e[:9]], end="")
        write(tmp_path, "node-3", [c])

    def end_the_run() -> None:
        write(tmp_path, "node-1", [e[9:], "torn"], end="")
        (tmp_path / "outcome.json").write_text("{}")

    script = Script(
        lambda: write(tmp_path, "node-1", [d]),
        lambda: None,
        write_half_a_line_and_start_a_node,
        end_the_run,
    )

    assert script.follow(tmp_path) == [[a, b], [d], [], [c], [e, "torn"]]


def test_following_a_node_shows_it_once_it_is_there(tmp_path: Path) -> None:
    write(tmp_path, "node-1", ["one"])
    script = Script(
        lambda: write(tmp_path, "node-2", ["two"]),
        lambda: (tmp_path / "outcome.json").write_text("{}"),
    )

    assert script.follow(tmp_path, NodeId("node-2")) == [[], ["two"], []]


def test_ctrl_c_ends_following_with_130(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("coda_executive.cli.logs.show_logs", interrupt)

    assert run_cli(["logs", str(run), "--follow"]) == 130


def test_a_node_that_is_not_there_yet_is_awaited_while_the_run_goes_on(
    run: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (run / "outcome.json").unlink()
    asked = []
    monkeypatch.setattr(
        "coda_executive.cli.logs.show_logs", lambda _run, nodes, *_, **__: asked.append(nodes)
    )

    assert run_cli(["logs", str(run), "--follow", "--node", "node-9"]) == 0

    assert asked == [("node-9",)]
    assert "has no node 'node-9'; it has node-1, seed-1 so far. Waiting for it." in capfd.readouterr().err


@pytest.mark.real
def test_a_closed_pipe_ends_the_command_quietly(run: Path) -> None:
    write(run, "node-1", [record(6, f"line {number}") for number in range(20_000)])
    program = "import sys; from coda_executive.cli import main; main()"
    with subprocess.Popen(
        [sys.executable, "-c", program, "logs", str(run)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert b"start" in process.stdout.readline()

        process.stdout.close()

        assert process.stderr.read() == b""
    assert process.returncode == 0


def test_a_run_whose_nodes_wrote_nothing_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    RunDirectory.create("it", "local", tmp_path / "run")

    assert run_cli(["logs", str(tmp_path / "run")]) == 0

    assert "no node of run run wrote a log" in capsys.readouterr().err

"""Attempts on all cores: worker processes, each replaced after a batch, so that no state piles up in one."""

import itertools
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType
from typing import Self

import msgspec

from coda_executive.errors import EngineError
from coda_executive.executive.outcome import Verdict
from coda_executive.exploration.attempt import Attempt, Result, Setup
from coda_executive.exploration.batch import CANNOT, REMEDY, Start

BATCH = 50  # attempts of one process
LIMIT_SECONDS = 300  # of real time for one attempt
COMMAND = (sys.executable, "-m", "coda_executive.exploration.batch")


class _Worker:
    """One process, started with its first attempt."""

    def __init__(self, command: Sequence[str], setup: Setup, shared: Path, number: int) -> None:
        self._command = command
        self._setup = setup
        self._shared = shared
        self._scratch = shared / str(number)
        self._numbers = itertools.count(1)
        self._process: subprocess.Popen[bytes] | None = None
        self._left = 0

    def make(self, attempt: Attempt) -> Result:
        """Raises EngineError if the process cannot be used; one that died over an attempt is a result."""
        if self._process is None or self._left == 0:
            self.end()
            try:
                self._start()
            except OSError as error:
                raise EngineError(f"a worker of the search cannot be started: {error}; {REMEDY}") from error
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        self._left -= 1
        try:
            process.stdin.write(msgspec.json.encode(attempt) + b"\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except BrokenPipeError:
            line = b""
        if line:
            return msgspec.json.decode(line, type=Result)
        return self._died(process, attempt)

    def end(self) -> None:
        """Let the process come to its end; idempotent."""
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        process.stdout.close()
        process.wait()
        self._errors.close()

    def kill(self) -> None:
        """End it in the middle of whatever it does. May be called from another thread."""
        process = self._process
        if process is not None:
            process.kill()

    def _start(self) -> None:
        number = next(self._numbers)
        # It has no name: nobody has to remove it. `end` closes it.
        self._errors = tempfile.TemporaryFile(dir=self._shared)  # noqa: SIM115
        # A session of its own: Ctrl-C is for us alone, and what it interrupts is no result.
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            start_new_session=True,
        )
        self._left = BATCH
        scratch = self._scratch / f"batch-{number}"
        start = Start(self._setup, str(scratch), str(self._shared), LIMIT_SECONDS)
        assert self._process.stdin is not None
        self._process.stdin.write(msgspec.json.encode(start) + b"\n")

    def _died(self, process: subprocess.Popen[bytes], attempt: Attempt) -> Result:
        code = process.wait()
        self._errors.seek(0)
        last = self._errors.read().decode(errors="replace").strip().splitlines()[-20:]
        self.end()
        if code == CANNOT:
            raise EngineError(f"a worker of the search cannot go on: {' '.join(last)}")
        if self._left == BATCH - 1 and code != -signal.SIGALRM:
            raise EngineError(
                "a worker of the search ended at once; its last lines:"
                + "".join(f"\n  {text}" for text in last)
            )
        if code == -signal.SIGALRM:
            error = f"the run did not end within {LIMIT_SECONDS} s of real time"
        else:
            error = f"the process that ran it ended with {code}: {last[-1] if last else 'without a word'}"
        return Result(attempt, Verdict.INFRASTRUCTURE, error, error, attempt.schedule, "")


class Workers:
    """A context manager; at its end no process and no file is left."""

    def __init__(self, setup: Setup, *, jobs: int, command: Sequence[str] = COMMAND) -> None:
        """Raises EngineError if there is no place for what the runs write."""
        try:
            self._scratch = Path(tempfile.mkdtemp(prefix="coda-executive-explore-"))
        except OSError as error:
            raise EngineError(
                f"the search finds no place for its runs: {error.strerror} in {tempfile.gettempdir()}; {REMEDY}"
            ) from error
        self._workers = [_Worker(command, setup, self._scratch, number) for number in range(1, jobs + 1)]
        self._idle: SimpleQueue[_Worker] = SimpleQueue()
        for worker in self._workers:
            self._idle.put(worker)
        self._threads = ThreadPoolExecutor(jobs)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            for worker in self._workers:
                worker.kill()
        self._threads.shutdown(cancel_futures=True)
        for worker in self._workers:
            worker.end()
        shutil.rmtree(self._scratch, ignore_errors=True)

    def results(self, attempts: Iterable[Attempt]) -> Iterator[Result]:
        """One for each attempt, in their order; attempts are drawn only a little ahead. Raises EngineError."""
        ahead: deque[Future[Result]] = deque()
        try:
            for attempt in attempts:
                ahead.append(self._threads.submit(self._make, attempt))
                if len(ahead) > 2 * len(self._workers):
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
        finally:
            for future in ahead:
                future.cancel()

    def _make(self, attempt: Attempt) -> Result:
        worker = self._idle.get()
        try:
            return worker.make(attempt)
        finally:
            self._idle.put(worker)

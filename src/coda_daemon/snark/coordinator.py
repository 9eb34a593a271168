"""A coordinator's book: which work is open, who has it, what is done (daemon contract H).

It serves workers over the client port (`client_port`), makes no proofs itself, and sells all under one key for
one fee. The node tells it when the best tip or the pool changed by way of `open_work` and `pool`, which it reads
each time that it is asked.
"""

from collections.abc import Callable
from typing import Final

from coda_daemon.ledger.transactions import CommandRules
from coda_daemon.log import Log
from coda_daemon.ports import Clock
from coda_daemon.snark.pool import SnarkPool
from coda_daemon.snark.statement import Bundle
from coda_daemon.snark.work import ProofLevel, Work, WorkSpec, WrongWorkError, check_work, spec_of
from coda_daemon.snark.work_selection import Selection
from coda_protocol import structured_events

_MODULE: Final = "Work_selector"


class Coordinator:
    """Hands out work and takes it back; `fee` in nanomina may be set at any time.

    `open_work` gives the bundles of the best tip's scan state, what is wanted first in front; `submitted` is
    told of each piece of finished work. `wait_ns` is how long a worker has before its piece goes to another. `rules`
    of transactions are given at proof level `check`.
    """

    def __init__(
        self,
        *,
        prover: str,
        fee: int,
        level: ProofLevel,
        rules: CommandRules | None,
        selection: Selection,
        wait_ns: int,
        pool: SnarkPool,
        open_work: Callable[[], tuple[Bundle, ...]],
        submitted: Callable[[Work], None],
        clock: Clock,
        log: Log,
        former: frozenset[str] = frozenset(),
    ) -> None:
        """`former` are the keys that were sold under before: work that was handed out then is still taken."""
        self.prover = prover
        self.former = former
        self.fee = fee
        self._level = level
        self._rules = rules
        self._select = selection
        self._wait_ns = wait_ns
        self._pool = pool
        self._open_work = open_work
        self._submitted = submitted
        self._clock = clock
        self._log = log
        self._handed_out: dict[tuple[bytes, ...], int] = {}
        self._open_since: dict[tuple[bytes, ...], int] = {}

    def __repr__(self) -> str:
        return f"<Coordinator {self.prover} fee {self.fee} handed out {len(self._handed_out)}>"

    def next_work(self) -> WorkSpec | None:
        """A piece for a worker that asks, noted as handed out; None when nothing is left to do."""
        now = self._clock.time_ns()
        bundles = self._open_work()
        self._forget_closed(bundles, now)
        candidates = [bundle for bundle in bundles if self._is_candidate(bundle)]
        rivals = {work.prover for work in self._pool}
        chosen = self._select(
            candidates, rivals, lambda bundle: now - self._open_since[bundle.statements] >= self._wait_ns
        )
        if chosen is None:
            return None
        self._handed_out[chosen.statements] = now
        return spec_of(chosen, fee=self.fee, prover=self.prover, rules=self._rules)

    def take(self, work: Work) -> bool:
        """Take in a worker's result; False when it is wrong, which is in the log. One that no block can use any more
        is let go.
        """
        bundle = next((each for each in self._open_work() if each.statements == work.statements), None)
        if bundle is None:
            self._log.debug(
                _MODULE, "Nobody needs the finished work $work any more", work=list(work.work_ids)
            )
            return True
        try:
            prover = work.prover if work.prover in self.former else self.prover
            check_work(work, bundle, self._level, prover=prover)
        except WrongWorkError as error:
            self.failed(work.statements, str(error))
            return False
        self._handed_out.pop(work.statements, None)
        self._submitted(work)
        return True

    def failed(self, statements: tuple[bytes, ...], error: str) -> None:
        """A worker could not prove: the piece is a candidate again."""
        self._handed_out.pop(statements, None)
        self._log.event(structured_events.GENERATING_SNARK_WORK_FAILED, error=error)

    def _is_candidate(self, bundle: Bundle) -> bool:
        known = self._pool.find(bundle)
        return bundle.statements not in self._handed_out and (known is None or known.fee > self.fee)

    def _forget_closed(self, bundles: tuple[Bundle, ...], now: int) -> None:
        """Forget what is not open any more, and who took too long."""
        self._open_since = {each.statements: self._open_since.get(each.statements, now) for each in bundles}
        for statements, since in tuple(self._handed_out.items()):
            if statements not in self._open_since:
                del self._handed_out[statements]
            elif now - since >= self._wait_ns:
                del self._handed_out[statements]
                self._log.info(
                    _MODULE,
                    "Waited too long to get work for $work. Ready to be reassigned",
                    work=[int.from_bytes(digest[:4], "little") & 0x7FFFFFFF for digest in statements],
                )

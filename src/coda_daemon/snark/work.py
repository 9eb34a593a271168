"""Finished SNARK work: what it looks like, what it proves, when it is to be believed (daemon contract H). Pure.

There are no SNARKs here. At proof level `none` a proof is an empty dummy. At `check` the work is done: a worker gets
the transaction with the part of the ledger that it touches, applies it, and refuses a statement that does not come
out. The proof is a digest of the statement, the trace of what was applied (`transaction`), the fee and the prover:
whoever did not apply the transaction cannot make it, nor sell another's work as his own. A merge follows from the
traces of its parts. A receiver knows the traces of what is in its scan state, for it applied the same transactions
when it took the blocks; so a proof costs it microseconds, and takes none of a statement that no chain of its own asks
to be proved.
"""

from typing import Annotated, Final, Literal

import msgspec

from coda_daemon.digests import digest_of
from coda_daemon.ledger.ledger import LedgerFullError
from coda_daemon.ledger.merkle import PrunedError
from coda_daemon.ledger.receipts import ReceiptChain
from coda_daemon.ledger.transactions import CommandRules, RefusedError
from coda_daemon.snark.statement import Bundle, Job, Statement, merged, stated
from coda_daemon.snark.transaction import Witness, ledger_of, merged_trace, witness_of
from coda_protocol.format_error import FormatError
from coda_protocol.signatures import SignatureKind

ProofLevel = Literal["none", "check"]

_Digest = Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]
_Proof = Annotated[bytes, msgspec.Meta(max_length=32)]
_Nanomina = Annotated[int, msgspec.Meta(ge=0)]  # MessagePack ends at 64 bits by itself
_Key = Annotated[str, msgspec.Meta(max_length=64)]
_MAX_JOBS: Final = 2


class WrongWorkError(ValueError):
    """Work that must not be used; the message says what is wrong with it."""


class _Wire(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    pass


class Work(_Wire, frozen=True):
    """Proofs of one bundle, for sale. `fee` in nanomina for the whole bundle, `statements` are their digests."""

    statements: Annotated[tuple[_Digest, ...], msgspec.Meta(min_length=1, max_length=_MAX_JOBS)]
    proofs: Annotated[tuple[_Proof, ...], msgspec.Meta(min_length=1, max_length=_MAX_JOBS)]
    fee: _Nanomina
    prover: _Key

    @property
    def work_ids(self) -> tuple[int, ...]:
        return tuple(int.from_bytes(digest[:4], "little") & 0x7FFFFFFF for digest in self.statements)


class PartSpec(_Wire, frozen=True):
    """A statement that is proved already, with the trace that its proof follows from."""

    statement: Statement
    trace: _Proof


class JobSpec(_Wire, frozen=True):
    """What a worker needs to know of one job: two parts, or the transaction, which proof level `none` leaves out."""

    statement: Statement
    parts: Annotated[tuple[PartSpec, ...], msgspec.Meta(max_length=2)] = ()
    witness: Witness | None = None


class WorkSpec(_Wire, frozen=True):
    """A bundle as it is handed to a worker, with whose name and price its proofs are for.

    `creation_fee` in nanomina and `network`, the name that commands are signed for, are the rules of transactions.
    """

    jobs: Annotated[tuple[JobSpec, ...], msgspec.Meta(min_length=1, max_length=_MAX_JOBS)]
    fee: _Nanomina
    prover: _Key
    creation_fee: _Nanomina = 0
    network: Annotated[str, msgspec.Meta(max_length=64)] = "testnet"

    @property
    def statements(self) -> tuple[bytes, ...]:
        """The name of the bundle."""
        return tuple(job.statement.digest for job in self.jobs)

    @property
    def work_ids(self) -> tuple[int, ...]:
        return tuple(job.statement.work_id for job in self.jobs)


_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(Work)


def spec_of(bundle: Bundle, *, fee: int, prover: str, rules: CommandRules | None = None) -> WorkSpec:
    """`rules` at proof level `check`: then each transaction goes with it."""
    jobs = tuple(_job_spec(job, rules) for job in bundle.jobs)
    if rules is None:
        return WorkSpec(jobs, fee, prover)
    return WorkSpec(jobs, fee, prover, rules.account_creation_fee, rules.signature_kind.name)


def _job_spec(job: Job, rules: CommandRules | None) -> JobSpec:
    parts = tuple(PartSpec(part.statement, part.trace) for part in job.parts)
    witness = None if rules is None or job.step is None else witness_of(job.step, rules)
    return JobSpec(job.statement, parts, witness)


def proved(spec: WorkSpec, level: ProofLevel) -> Work:
    """Do the work. Raises WrongWorkError when a job's parts or transaction do not make up its statement."""
    traces = [_trace(job, spec, level) for job in spec.jobs]
    proofs = tuple(
        _proof(digest, trace, spec.fee, spec.prover, level)
        for digest, trace in zip(spec.statements, traces, strict=True)
    )
    return Work(spec.statements, proofs, spec.fee, spec.prover)


def check_work(work: Work, bundle: Bundle, level: ProofLevel, *, prover: str | None = None) -> None:
    """Raises WrongWorkError unless the proofs are those of the bundle's jobs, the fee and the prover, who may have
    to be a certain one.
    """
    if prover is not None and work.prover != prover:
        raise WrongWorkError(f"expected work for {prover}, found work for {work.prover}")
    if work.statements != bundle.statements:
        raise WrongWorkError(f"expected work {list(bundle.work_ids)}, found {list(work.work_ids)}")
    expected = tuple(
        _proof(digest, job.trace, work.fee, work.prover, level)
        for digest, job in zip(work.statements, bundle.jobs, strict=True)
    )
    if work.proofs != expected:
        raise WrongWorkError(
            f"work {list(work.work_ids)} of {work.prover}: expected the proofs of proof level {level}, found others"
        )


def encode_work(work: Work) -> bytes:
    return _encoder.encode(work)


def decode_work(data: bytes) -> Work:
    """Raises WrongWorkError for bytes that are no work."""
    try:
        work = _decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise WrongWorkError(f"expected SNARK work in MessagePack, found: {error}") from error
    if _encoder.encode(work) != data:
        raise WrongWorkError("expected the shortest encoding of SNARK work, found another one")
    return work


def _trace(job: JobSpec, spec: WorkSpec, level: ProofLevel) -> bytes:
    """What came out. Raises WrongWorkError if that is not the statement."""
    if job.parts:
        return _trace_of_parts(job)
    if level == "none":
        return b""
    if job.witness is None:
        raise WrongWorkError(f"work {job.statement.work_id}: expected its transaction, found none")
    try:
        rules = CommandRules(spec.creation_fee, SignatureKind(spec.network), ReceiptChain.POSEIDON)
        found = stated(ledger_of(job.witness), job.witness.transaction, rules)
    except (RefusedError, FormatError, PrunedError, LedgerFullError) as error:
        raise WrongWorkError(f"work {job.statement.work_id} cannot be done: {error}") from error
    if found is None or found.statement != job.statement:
        outcome = "nothing" if found is None else found.statement
        raise WrongWorkError(
            f"work {job.statement.work_id}: expected {job.statement} of its transaction, found {outcome}"
        )
    return found.step.trace


def _trace_of_parts(job: JobSpec) -> bytes:
    try:
        left, right = job.parts
        whole = merged(left.statement, right.statement)
    except ValueError as error:
        raise WrongWorkError(f"work {job.statement.work_id}: {error}") from error
    if whole != job.statement:
        raise WrongWorkError(
            f"work {job.statement.work_id}: expected {whole} of its parts, found {job.statement}"
        )
    return merged_trace(left.trace, right.trace)


def _proof(statement: bytes, trace: bytes, fee: int, prover: str, level: ProofLevel) -> bytes:
    if level == "none":
        return b""
    claim = f"{fee} {prover}".encode()
    return digest_of(statement, trace, claim, purpose=b"coda-snark-proof")

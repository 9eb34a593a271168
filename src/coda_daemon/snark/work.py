"""Finished SNARK work: what it looks like, what it proves, when it is to be believed (daemon contract H). Pure.

There are no SNARKs here. At proof level `none` a proof is an empty dummy. At `check` it is a digest that only
follows from the statement, its parts, the fee and the prover together: whoever did not work from the right
statement cannot make it, nor sell another's work as his own, and every receiver works it out again.
"""

from collections.abc import Sequence
from typing import Annotated, Final, Literal

import msgspec

from coda_daemon.digests import digest_of
from coda_daemon.snark.statement import Bundle, Job, Statement, bundled, merged

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


class JobSpec(_Wire, frozen=True):
    """What a worker needs to know of one job; no parts: a transaction."""

    statement: Statement
    parts: tuple[Statement, ...] = ()


class WorkSpec(_Wire, frozen=True):
    """A bundle as it is handed to a worker, with whose name and price its proofs are for."""

    jobs: Annotated[tuple[JobSpec, ...], msgspec.Meta(min_length=1, max_length=_MAX_JOBS)]
    fee: _Nanomina
    prover: _Key

    @property
    def bundle(self) -> Bundle:
        (bundle,) = bundled(tuple(Job(job.statement, job.parts) for job in self.jobs))
        return bundle


_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(Work)


def spec_of(bundle: Bundle, *, fee: int, prover: str) -> WorkSpec:
    return WorkSpec(tuple(JobSpec(job.statement, job.parts) for job in bundle.jobs), fee, prover)


def proved(spec: WorkSpec, level: ProofLevel) -> Work:
    """Do the work. Raises WrongWorkError when a job's parts do not make up its statement."""
    for job in spec.jobs:
        _check_parts(job)
    statements = spec.bundle.statements
    return Work(statements, _proofs(statements, spec.fee, spec.prover, level), spec.fee, spec.prover)


def check_work(work: Work, level: ProofLevel, *, prover: str | None = None) -> None:
    """Raises WrongWorkError unless the proofs are those of the statements, the fee and the prover, who may have
    to be a certain one.
    """
    if prover is not None and work.prover != prover:
        raise WrongWorkError(f"expected work for {prover}, found work for {work.prover}")
    expected = _proofs(work.statements, work.fee, work.prover, level)
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


def _check_parts(job: JobSpec) -> None:
    if not job.parts:
        return
    try:
        left, right = job.parts
        whole = merged(left, right)
    except ValueError as error:
        raise WrongWorkError(f"work {job.statement.work_id}: {error}") from error
    if whole != job.statement:
        raise WrongWorkError(
            f"work {job.statement.work_id}: expected {whole} of its parts, found {job.statement}"
        )


def _proofs(statements: Sequence[bytes], fee: int, prover: str, level: ProofLevel) -> tuple[bytes, ...]:
    if level == "none":
        return (b"",) * len(statements)
    claim = f"{fee} {prover}".encode()
    return tuple(digest_of(digest, claim, purpose=b"coda-snark-proof") for digest in statements)

"""The kit refuses an engine that breaks a promise, whichever it is, and says which."""

import inspect
from pathlib import Path

import pytest
from tests.coda_executive.testing.broken_companions import COMPANIONS
from tests.coda_executive.testing.broken_engines import MUTANTS, for_those_who_asked, matching
from tests.coda_executive.testing.keeping_fake import KEEPERS

from coda_executive.testing import EngineConformance, FakeEngine

ALL = [*MUTANTS, *COMPANIONS, *KEEPERS]

CLAUSES = [name for name in dir(EngineConformance) if name.startswith("test_")]


def clause_of(part: str) -> str:
    (found,) = [name for name in CLAUSES if part in name]
    return found


@pytest.mark.parametrize(
    ("part", "engine", "reason"), ALL, ids=[f"{part}: {reason}" for part, _, reason in ALL]
)
def test_engine_that_breaks_a_promise_is_refused_for_it(
    part: str, engine: FakeEngine, reason: str, tmp_path: Path
) -> None:
    kit = EngineConformance()
    kit.engine = engine
    clause = getattr(kit, clause_of(part))

    with pytest.raises(AssertionError, match=reason):
        clause(*([tmp_path] if inspect.signature(clause).parameters else []))


def test_log_engine_that_sees_only_what_was_asked_for_may_number_as_it_likes(tmp_path: Path) -> None:
    kit = EngineConformance()
    kit.engine = matching(for_those_who_asked)

    getattr(kit, clause_of("each_line_is"))(tmp_path)


def test_every_clause_has_a_mutant() -> None:
    assert sorted({clause_of(part) for part, _, _ in ALL}) == CLAUSES

"""Sections soften errors, keep their path, and know whether they passed."""

import asyncio
from collections.abc import Callable

import pytest

from coda_executive.dsl.sections import Sections, Severity
from coda_executive.errors import EngineError, TestFailed


def counting_clock() -> Callable[[], int]:
    instants = iter(range(1000))
    return lambda: next(instants)


def test_an_error_ends_its_section_and_not_the_test() -> None:
    sections = Sections(counting_clock())

    with sections.section("payments", hard=False):
        raise TestFailed("the balance is 5, not 6")
    with sections.section("afterwards", hard=False):
        pass

    assert [(s.path, s.passed) for s in sections.sections] == [
        (("payments",), False),
        (("afterwards",), True),
    ]
    (error,) = sections.errors
    told, line = error.message.splitlines()
    assert line.startswith("test: test_sections.py:")
    assert (error.severity, error.kind, told, error.section) == (
        Severity.SOFT,
        "TestFailed",
        "the balance is 5, not 6",
        ("payments",),
    )


def test_a_hard_section_lets_its_error_through() -> None:
    sections = Sections(counting_clock())

    with pytest.raises(TestFailed), sections.section("start", hard=True):
        raise TestFailed("no")

    assert sections.sections[0].passed is False
    assert sections.errors == []  # whoever catches it records it, once


def test_the_infrastructure_s_errors_are_never_softened() -> None:
    """A full disk in one section would be a full disk in the next."""
    sections = Sections(counting_clock())

    with pytest.raises(EngineError), sections.section("anything", hard=False):
        raise EngineError("disk full")


def test_an_assertion_in_a_test_is_an_error_of_its_section() -> None:
    sections = Sections(counting_clock())

    with sections.section("arithmetic", hard=False):
        assert sections.path == ()

    assert sections.errors[0].kind == "AssertionError"


def test_nested_sections_carry_their_path_and_fail_their_parents() -> None:
    sections = Sections(counting_clock())

    with sections.section("outer", hard=False):
        with sections.section("inner", hard=False):
            raise TestFailed("inside")
        sections.found(Severity.WARNING, "SlowWait", "late")

    assert [(s.path, s.passed) for s in sections.sections] == [
        (("outer",), False),
        (("outer", "inner"), False),
    ]
    assert sections.errors[0].section == ("outer", "inner")
    assert sections.errors[1].section == ("outer",)


def test_a_warning_fails_nothing() -> None:
    sections = Sections(counting_clock())

    with sections.section("slow", hard=False):
        sections.found(Severity.WARNING, "SlowWait", "late")

    assert sections.sections[0].passed is True


async def test_a_task_beside_the_test_has_sections_of_its_own() -> None:
    sections = Sections(counting_clock())

    async def spam() -> None:
        with sections.strands.branch("spam"), sections.section("send", hard=False):
            raise TestFailed("refused")

    with sections.section("produce", hard=False):
        await asyncio.create_task(spam())
        assert sections.path == ("produce",)

    assert [(s.path, s.passed) for s in sections.sections] == [
        (("produce",), False),
        (("produce", "spam", "send"), False),
    ]


async def test_what_a_task_does_wrong_is_not_the_fault_of_another_section() -> None:
    sections = Sections(counting_clock())

    async def spam() -> None:
        with sections.strands.branch("spam"), sections.section("send", hard=False):
            await may_fail.wait()
            raise TestFailed("refused")

    may_fail = asyncio.Event()
    task = asyncio.create_task(spam())
    await asyncio.sleep(0)
    with sections.section("produce", hard=False):
        may_fail.set()
        await task

    assert {s.path: s.passed for s in sections.sections} == {("spam", "send"): False, ("produce",): True}

"""The fake engine keeps the promises that it stands in for."""

from tests.coda_executive.testing.keeping_fake import KeepingFake

from coda_executive.testing import EngineConformance, FakeEngine


class TestFakeEngine(EngineConformance):
    engine = FakeEngine()


class TestKeepingFake(EngineConformance):
    engine = KeepingFake()

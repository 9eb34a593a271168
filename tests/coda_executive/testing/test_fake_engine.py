"""The fake engine keeps the promises that it stands in for."""

from coda_executive.testing import EngineConformance, FakeEngine


class TestFakeEngine(EngineConformance):
    engine = FakeEngine()

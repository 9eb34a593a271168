"""Running a test with slots of another length than its own: the same test, faster or slower."""

from dataclasses import replace

import msgspec

from coda_executive.errors import ConfigError
from coda_executive.executive.integration_test import IntegrationTest
from coda_protocol.runtime_config import ProofSection


def with_slot_seconds(test: IntegrationTest, seconds: float) -> IntegrationTest:
    """The test with slots of this many seconds, to the millisecond. Raises ConfigError for less than one."""
    slot_ms = round(seconds * 1000)
    if slot_ms < 1:
        raise ConfigError(f"a slot must last at least a millisecond, got {seconds:g} s")
    proof = msgspec.structs.replace(test.runtime.proof or ProofSection(), block_window_duration_ms=slot_ms)
    return replace(test, runtime=msgspec.structs.replace(test.runtime, proof=proof))

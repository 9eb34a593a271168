"""The local engine: every node is a process of this machine, owned by one guardian for each run."""

from coda_executive.engines.local.engine import LocalEngine

__all__ = ["ENGINE"]

ENGINE = LocalEngine()

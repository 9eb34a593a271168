"""The simulation: an hour of network time in about a second, repeatable from its seed."""

from coda_executive.engines.simulation.engine import SimulationEngine

ENGINE = SimulationEngine()

"""How busy the machine is, as the kernel tells it and as our own timers feel it."""

import asyncio
import time
from pathlib import Path

from coda_executive.engines.local.host import HostWatch
from coda_executive.interfaces.host import HostLoad


def fill(proc: Path) -> None:
    (proc / "pressure").mkdir()
    (proc / "loadavg").write_text("7.25 3.10 1.00 3/512 4242\n")
    (proc / "pressure" / "cpu").write_text("some avg10=63.20 avg60=1.00 avg300=0.00 total=12\n")
    (proc / "pressure" / "memory").write_text(
        "some avg10=1.50 avg60=0.00 avg300=0.00 total=1\nfull avg10=0.00\n"
    )
    (proc / "meminfo").write_text("MemTotal:  4096000 kB\nMemAvailable:   421888 kB\n")


async def test_the_kernel_s_figures_are_told(tmp_path: Path) -> None:
    fill(tmp_path)

    load = HostWatch(tmp_path).load()

    assert (load.load, load.waiting_for_cpu, load.waiting_for_memory) == (7.25, 63.2, 1.5)
    assert load.free_memory_mib == 412
    assert load.is_overloaded
    assert str(load).startswith("overloaded: load 7.2 on ")


async def test_a_kernel_that_tells_little_is_no_error(tmp_path: Path) -> None:
    load = HostWatch(tmp_path).load()

    assert (load.load, load.waiting_for_cpu, load.free_memory_mib) == (0.0, None, None)
    assert not load.is_overloaded


async def test_a_loop_that_is_held_up_is_felt(tmp_path: Path) -> None:
    watch = HostWatch(tmp_path)
    watch.start()
    try:
        time.sleep(0.4)  # what holds the loop up is the point
        late = watch.load().own_delay
        await asyncio.sleep(0)
    finally:
        watch.stop()

    assert late >= 0.1
    assert HostLoad(2, 0.0, None, None, None, 0.7).is_overloaded

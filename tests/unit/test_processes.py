"""Processes of a pool end with the one that started them, however that one ended."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from fixtures.processes import started

POOLS = {
    "executors": """
import sys, time
from multiprocessing import active_children, resource_tracker
from opp_mri.workflow.executors import open_processes

if __name__ == "__main__":
    with open_processes(2) as pool:
        for _ in range(2):
            pool.submit(time.sleep, float(sys.argv[1]))
        pool.submit(abs, 1)
        pids = [child.pid for child in active_children()]
        print(*pids, resource_tracker._resource_tracker._pid, flush=True)
        time.sleep(60)
""",
    "scan": """
import sys, time
from itertools import repeat
from multiprocessing import active_children, resource_tracker
from opp_mri.dicom import scan as scanning
from opp_mri.dicom.headers.sources import find_sources

if __name__ == "__main__":
    scanning.POOL_PAYS_AFTER_S = 0.0
    (source,) = find_sources([__file__])
    answers = scanning.scan(repeat(source), workers=2)
    for _ in range(500):
        next(answers)
    pids = [child.pid for child in active_children()]
    print(*pids, resource_tracker._resource_tracker._pid, flush=True)
    time.sleep(60)
""",
}


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows ends processes otherwise")
@pytest.mark.parametrize(("pool", "seconds"), [("executors", 0), ("executors", 60), ("scan", 0)])
def test_no_process_outlives_the_one_that_started_it(
    tmp_path: Path, pool: str, seconds: int
) -> None:
    script = tmp_path / "script.py"
    script.write_text(POOLS[pool])
    with started([sys.executable, script, str(seconds)], stdout=subprocess.PIPE) as process:
        assert process.stdout
        pids = [int(word) for word in process.stdout.readline().split()]
        assert len(pids) >= 2
        time.sleep(2)  # they start
        process.kill()
        process.wait()
        end = time.monotonic() + 10
        while (alive := list(filter(is_alive, pids))) and time.monotonic() < end:
            time.sleep(0.1)
    for pid in alive:
        os.kill(pid, signal.SIGKILL)
    assert alive == []


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    return not status.exists() or status.read_text().rsplit(")", 1)[1].split()[0] != "Z"

"""Fuzz each target for a time: `make fuzz SECONDS=60 TARGETS="headers zip"`.

What fails is made small by hypothesis, printed, and kept in the corpus, which every run of the
tests sends through the same door again.
"""

import argparse
import hashlib
import signal
import sys
import time
import traceback
from types import FrameType
from typing import Final

from attrs import define
from fuzz.mutations import mutated
from fuzz.targets import CORPUS, TARGETS, kept, send
from hypothesis import HealthCheck, Phase, given, seed, settings

BATCH: Final = 100
LONGEST_S: Final = 90  # for one input; the codecs have a limit of 60 s of their own


@define
class Result:
    """What came of the fuzzing of a target."""

    target: str
    seconds: float
    inputs: int = 0
    fault: str = ""


def fuzz(name: str, seconds: float, first_seed: int) -> Result:
    """Send changed inputs through a door until the time is over or one fails."""
    sound = [*TARGETS[name].sound(), *(path.read_bytes() for path in kept(name))]
    result = Result(target=name, seconds=0)
    start_s, batch, failing_content = time.monotonic(), first_seed, b""

    @settings(
        max_examples=BATCH, deadline=None, database=None, print_blob=False,
        suppress_health_check=list(HealthCheck), phases=[Phase.generate, Phase.shrink],
    )  # fmt: skip
    @given(mutated(sound))
    def try_input(content: bytes) -> None:
        nonlocal failing_content
        result.inputs += 1
        signal.alarm(LONGEST_S)
        try:
            send(name, content)
        except BaseException:
            failing_content = content  # hypothesis ends with the smallest
            raise
        finally:
            signal.alarm(0)

    while time.monotonic() - start_s < seconds and not result.fault:
        batch += 1
        try:
            seed(batch)(try_input)()
        except Exception:
            result.fault = traceback.format_exc()
            keep(name, failing_content)
    result.seconds = time.monotonic() - start_s
    return result


def keep(name: str, content: bytes) -> None:
    """Keep an input that failed."""
    path = CORPUS / name / f"fault-{hashlib.sha256(content).hexdigest()[:12]}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def too_long(_number: int, _frame: FrameType | None) -> None:
    raise TimeoutError(f"an input took more than {LONGEST_S} s")


def main() -> int:
    """Fuzz, and print a table; 1 where anything failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60, help="for each target")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 10**9)
    parser.add_argument("targets", nargs="*", choices=[*TARGETS, []], default=[])
    options = parser.parse_args()
    signal.signal(signal.SIGALRM, too_long)
    print(f"seed {options.seed}")
    results = []
    for name in options.targets or TARGETS:
        results.append(fuzz(name, options.seconds, options.seed))
        result = results[-1]
        verdict = "FAULT, kept in the corpus" if result.fault else "no fault"
        print(f"{name:12} {result.seconds:6.0f} s {result.inputs:8} inputs  {verdict}", flush=True)
        if result.fault:
            print(result.fault)
    return int(any(result.fault for result in results))


if __name__ == "__main__":
    sys.exit(main())

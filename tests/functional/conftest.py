"""Run the command line as a user does: in a process of its own, and by its words."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen


@frozen
class Ran:
    """What a command printed, and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture(scope="session")
def opp_mri() -> Callable[..., Ran]:
    def run(*words: object, cwd: Path | None = None, expect: int = 0) -> Ran:
        done = subprocess.run(
            [sys.executable, "-c", "from opp_mri.cli import main; main()", *map(str, words)],
            capture_output=True,
            text=True,
            cwd=cwd,
            env={**os.environ, "PYTHONIOENCODING": "utf-8"},
            check=False,
        )
        ran = Ran(done.returncode, done.stdout, done.stderr)
        assert ran.code == expect, f"{words} ended with {ran.code}:\n{ran.out}\n{ran.err}"
        assert expect == 1 or "Traceback" not in ran.err
        return ran

    return run

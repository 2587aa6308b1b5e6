"""What takes long to make and serves tests of the command line and of the window alike."""

from pathlib import Path

import pytest
from demo_read_twice import read_demo_twice


@pytest.fixture(scope="session")
def demo_read_twice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project: the demo cohort, coarse, read blind by two; the second errs by known causes."""
    return read_demo_twice(tmp_path_factory.mktemp("demo"))

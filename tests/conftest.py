"""What every test may ask for: real DICOM, and what takes long to make."""

import os
from pathlib import Path

import pytest
from fixtures.demo_read_twice import read_demo_twice
from fixtures.processes import heed_interrupts

heed_interrupts()


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real DICOM, where the environment names one."""
    folder = os.environ.get("OPP_MRI_REAL_DATA")
    if not folder:
        pytest.skip("OPP_MRI_REAL_DATA is not set: no real DICOM here")
    return Path(folder)


@pytest.fixture(scope="session")
def demo_read_twice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project: the demo cohort, coarse, read blind by two; the second errs by known causes."""
    return read_demo_twice(tmp_path_factory.mktemp("demo"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the tests of `quarantine.txt` run and be shown, but not fail a run."""
    lines = (Path(__file__).parent / "quarantine.txt").read_text(encoding="utf-8").splitlines()
    places = tuple(line for line in lines if line and not line.startswith("#"))
    mark = pytest.mark.xfail(reason="listed in tests/quarantine.txt", strict=False)
    for item in items:
        if item.nodeid.startswith(places):
            item.add_marker(mark)

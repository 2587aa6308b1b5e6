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

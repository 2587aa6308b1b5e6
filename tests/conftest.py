"""What every test may ask for: real DICOM, and what takes long to make."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from fixtures.demo_read_twice import read_demo_twice
from fixtures.processes import heed_interrupts
from fixtures.shared_work import make_once
from hypothesis import HealthCheck, settings

from opp_mri.workflow.catalogue.phantom import PhantomSummary, write_phantom

heed_interrupts()
# a busy machine is no fault of the code: no test fails by the time that it takes
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# `make test` gives one answer for one state of the code; pytest alone searches further at random
settings.register_profile("repeatable", settings.get_profile("untimed"), derandomize=True)
settings.load_profile("untimed")


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
    return make_once(tmp_path_factory, "demo-read-twice", read_demo_twice)


@pytest.fixture(scope="session")
def coarse_phantom(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., PhantomSummary]:
    """Give coarse phantom patients with their tables, written once and only to be read."""

    def write(*patients: str) -> PhantomSummary:
        def make(folder: Path) -> PhantomSummary:
            return write_phantom(folder, patients=patients, coarse=True, workers=1)

        return make_once(tmp_path_factory, "-".join(patients), make)

    return write

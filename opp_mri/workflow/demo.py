"""The demo: a synthetic cohort goes the whole way, and its answers are held against the truth."""

import json
import shutil
from datetime import datetime
from pathlib import Path
from typing import Final

from attrs import frozen

from opp_mri.domain.assessment import ResponseCategory
from opp_mri.errors import InputError
from opp_mri.workflow.assessing.respond import ProjectLesion, assess_project, load_project_rules
from opp_mri.workflow.catalogue.index import index
from opp_mri.workflow.catalogue.phantom import write_phantom
from opp_mri.workflow.cohort.pictures import save_page
from opp_mri.workflow.measuring.lesions import add_events, add_lesions
from opp_mri.workflow.measuring.measure import measure
from opp_mri.workflow.progress import Progress
from opp_mri.workflow.project import create_project, open_project

MARKER_NAME: Final = "opp_mri-demo.txt"
MARKER_TEXT: Final = """\
This folder was made by `opp-mri demo` and is replaced when the demo runs here again.
Its patients are synthetic. opp_mri is research software and not a medical device.
"""


@frozen(kw_only=True)
class DemoSummary:
    """What the demo came to.

    Parameters
    ----------
    lesions
        Every lesion, assessed.
    truth
        What each lesion was made to be.
    page
        The page with the timelines.
    """

    lesions: tuple[ProjectLesion, ...]
    truth: dict[str, ResponseCategory]
    page: Path


def run_demo(folder: Path, at: datetime, *, seed: int, progress: Progress) -> DemoSummary:
    """Write a synthetic cohort, index it, measure it by a simulated reader, and assess it.

    The reader sees only the images' geometry and the true ends with half a millimetre of noise, so
    the answers are earned.

    Parameters
    ----------
    folder
        Becomes the project; the cohort lies in its folder `phantom`. An earlier demo is replaced.
    at
        When the readings are recorded.
    seed
        Of the cohort and of the reader's noise.

    Raises
    ------
    InputError
        The folder holds something else than an earlier demo.
    """
    _make_room(folder)
    cohort = folder / "phantom"
    write_phantom(cohort, seed=seed, progress=progress)
    create_project(folder)
    with open_project(folder) as project:
        index(project, [cohort / "dicom"], progress=progress)
        add_lesions(project.store, cohort / "lesions.csv", at)
        add_events(project.store, cohort / "events.csv", at)
        summary = measure(project.store, cohort / "calipers.csv", at)
        if summary.refused:
            raise InputError(f"A caliper of the demo was refused: {summary.refused[0].message}")
        rules = load_project_rules(project)
        lesions = assess_project(project, rules)
    truth = _read_true_categories(cohort / "truth.json")
    page = folder / "timelines.html"
    save_page(
        page,
        lesions,
        criteria=rules.criteria,
        written_on=at.date(),
        title="Demo: a synthetic cohort",
        truth=truth,
    )
    return DemoSummary(lesions=tuple(lesions), truth=truth, page=page)


def _make_room(folder: Path) -> None:
    if folder.exists() and any(folder.iterdir()):
        if not (folder / MARKER_NAME).is_file():
            raise InputError(f"{folder} holds other things: name a new folder for the demo.")
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARKER_NAME).write_text(MARKER_TEXT, encoding="utf-8")


def _read_true_categories(path: Path) -> dict[str, ResponseCategory]:
    truth = json.loads(path.read_text(encoding="utf-8"))
    return {
        patient["lesion_id"]: ResponseCategory(patient["expected"]["category"])
        for patient in truth["patients"]
    }

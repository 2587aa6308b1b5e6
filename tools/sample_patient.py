"""Write sample_data/patient: three visits of one synthetic patient, compressed without loss.

    python tools/sample_patient.py

The images are those of the patient PHANTOM-01 of `opp-mri phantom`: of each chosen series the nine
slices around the lesion, under names that a person can read.
"""

import csv
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any, Final

from pydicom import dcmread
from pydicom.uid import JPEG2000Lossless

from opp_mri.domain.imaging import SeriesRole, VolumeDescription
from opp_mri.workflow.catalogue.index import index
from opp_mri.workflow.catalogue.phantom import PhantomSummary, write_phantom
from opp_mri.workflow.project import create_project, open_project

PATIENT: Final = Path(__file__).parents[1] / "sample_data" / "patient"
DAYS: Final = (-9, 79, 251)  # baseline, peak, decline more than 84 days after it
ROLES: Final = (SeriesRole.T1, SeriesRole.T2FS, SeriesRole.T1POST)
SLICES: Final = 9


def main() -> None:
    """Write the folder anew; nothing but its page is kept."""
    for path in PATIENT.iterdir():
        if path.name != "README.md":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cohort = write_phantom(folder / "cohort", patients=["PHANTOM-01"], workers=1)
        truth = shortened(json.loads(cohort.truth.read_text(encoding="utf-8")))
        dates = [visit["study_date"] for visit in truth["patients"][0]["visits"]]
        measured_uids = copy_calipers(cohort, dates)
        copy_images(folder, cohort, dates, measured_uids)
        shutil.copy(cohort.lesions, PATIENT / "lesions.csv")
        (PATIENT / "truth.json").write_text(json.dumps(truth, indent=1) + "\n", encoding="utf-8")


def shortened(truth: dict[str, Any]) -> dict[str, Any]:
    """Keep the truth of the chosen visits."""
    (patient,) = truth["patients"]
    patient["visits"] = [v for v in patient["visits"] if v["days_from_ssrs"] in DAYS]
    return truth


def copy_calipers(cohort: PhantomSummary, dates: list[str]) -> set[str]:
    """Write the calipers of the chosen visits; give the SOPInstanceUIDs of their images."""
    (patient,) = json.loads(cohort.truth.read_text(encoding="utf-8"))["patients"]
    measured_uids = {
        sequence["sop_instance_uid"]
        for visit in patient["visits"]
        if visit["study_date"] in dates
        for sequence in visit["sequences"].values()
    }
    with cohort.calipers.open(encoding="utf-8") as lines:
        rows = [row for row in csv.DictReader(lines) if row["sop_instance_uid"] in measured_uids]
    with (PATIENT / "calipers.csv").open("w", encoding="utf-8", newline="") as lines:
        writer = csv.DictWriter(lines, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return measured_uids


def copy_images(
    folder: Path, cohort: PhantomSummary, dates: list[str], measured_uids: set[str]
) -> None:
    """Copy the slices around the lesion from each chosen series, compressed."""
    create_project(folder / "project")
    with open_project(folder / "project") as project:
        index(project, [cohort.dicom], workers=1)
        for volume in project.store.get_volumes():
            if volume.selected and volume.role in ROLES and str(volume.study_date) in dates:
                sources = project.store.get_sources_of(around_lesion(volume, measured_uids))
                for number, source in enumerate(sources.values(), start=1):
                    dataset = dcmread(source.path)
                    dataset.InstanceNumber = number
                    dataset.compress(
                        JPEG2000Lossless, encoding_plugin="pylibjpeg", generate_instance_uid=False
                    )
                    path = PATIENT / "dicom" / str(volume.study_date) / volume.role.value
                    path.mkdir(parents=True, exist_ok=True)
                    dataset.save_as(path / f"{number:02d}.dcm")


def around_lesion(volume: VolumeDescription, measured_uids: set[str]) -> list[str]:
    """Give the SOPInstanceUIDs of the slices nearest to the measured one, in order of position."""
    uids = [frame.sop_instance_uid for frame in volume.frames]
    (middle,) = (place for place, uid in enumerate(uids) if uid in measured_uids)
    first = min(max(middle - SLICES // 2, 0), len(uids) - SLICES)
    return uids[first : first + SLICES]


if __name__ == "__main__":
    main()

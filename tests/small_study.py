"""A study small enough for unit tests: patients of two visits, each a T1 and a T2FS of four slices.

Images have 12 rows and 10 columns, of 2 mm each across. Nobody draws a phantom's lesion here: a
reader puts a line of so many columns on the second slice.
"""

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path

import attrs
from dicom_makers import write_study
from makers import NOON, make_lesion

from opp_mri.domain.measurement import Reading
from opp_mri.domain.study import IssuedPackage
from opp_mri.workflow.edits import drawn, signature
from opp_mri.workflow.index import index
from opp_mri.workflow.project import Project, create_project, open_project
from opp_mri.workflow.protocol import EXAMPLE, declare_protocol
from opp_mri.workflow.timeline import Cell, draft_timeline

Columns = Callable[[str, Cell], float]
VISITS = (date(2024, 1, 15), date(2024, 5, 1))


def make_study(folder: Path, patients: Sequence[str] = ("P1",)) -> Path:
    """Make a project, indexed, with a lesion for each patient; gives its folder."""
    for number, patient_id in enumerate(patients):
        for visit, day in enumerate(VISITS):
            write_study(
                folder / "dicom", study=f"{number + 1}{visit + 1}", seed=10 * number + visit,
                PatientID=patient_id, PatientName=f"Name^{patient_id}", StudyDate=f"{day:%Y%m%d}",
                FrameOfReferenceUID=f"1.2.9.{number + 1}.{visit + 1}",
            )  # fmt: skip
    create_project(folder / "project")
    with open_project(folder / "project") as project:
        index(project, [folder / "dicom"], workers=1)
        add_lesions(project, patients)
    return folder / "project"


def add_lesions(project: Project, patients: Sequence[str]) -> None:
    """Add a lesion of each patient, called L and the patient's name."""
    lesions = [
        make_lesion(f"L{one}", patient_id=one, tracking_uid=f"2.25.{n + 77}")
        for n, one in enumerate(patients)
    ]
    project.store.add_lesions(lesions, NOON)


def declare(project: Project, folder: Path, **changes: str) -> None:
    """Declare the example's protocol without repeats, with changes in TOML."""
    lines = EXAMPLE.splitlines()
    for name, value in {"repeats_share": "0.0", **changes}.items():
        lines = [f"{name} = {value}" if one.startswith(f"{name} =") else one for one in lines]
    path = folder / "protocol.toml"
    path.write_text("\n".join(lines), encoding="utf-8")
    declare_protocol(project.store, path)


def read_all(
    folder: Path, issued: IssuedPackage, at: datetime = NOON,
    columns: Columns = lambda _lesion, _cell: 8.0, *, sign: bool = True, most: int = 100,
) -> list[Reading]:  # fmt: skip
    """Draw a line of so many columns in each cell of a package, up to the most, and sign."""
    made = []
    real = {code: one for case in issued.cases for code, one in case.lesions}
    with open_project(folder) as package:
        for lesion in package.store.lesions():
            log = [
                drawn(
                    cell, lesion.lesion_id, cell.volume, 1,
                    ((1.0, 5.0), (1.0 + columns(real[lesion.lesion_id], cell), 5.0)),
                    reader=issued.reader, at=at + timedelta(seconds=n),
                )
                for n, cell in enumerate(
                    draft_timeline(package.store, lesion, issued.reader).cells[:most]
                )
                if cell.volume is not None
            ]  # fmt: skip
            package.store.add_readings(log)
            if sign and log:
                package.store.add_signature(signature(log, frozenset(), statement="Done.", at=at))
            made += log
    return made


def altered(reading: Reading, **changes: object) -> Reading:
    """Give a reading as somebody might have altered it, under a new id."""
    return attrs.evolve(reading, reading_id=f"{reading.reading_id[:-4]}fake", **changes)

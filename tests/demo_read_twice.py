"""The demo cohort read by two simulated readers, the errors of the second injected by cause."""

from pathlib import Path
from shutil import copytree

import attrs
import pydicom
from functional.two_reads import Elsewhere, Ends, read_package, true_lines
from makers import NOON
from pydicom.uid import generate_uid

from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.measurement import Answer
from opp_mri.domain.study import ResolvedBy
from opp_mri.workflow.index import index
from opp_mri.workflow.lesions import add_events, add_lesions
from opp_mri.workflow.merge import merge_package
from opp_mri.workflow.packages import make_package
from opp_mri.workflow.phantom import write_phantom
from opp_mri.workflow.project import create_project, open_project
from opp_mri.workflow.protocol import EXAMPLE, declare_protocol, needed_protocol
from opp_mri.workflow.timeline import Cell

T1, T2FS, T1POST = SeriesRole.T1, SeriesRole.T2FS, SeriesRole.T1POST
FIRST_FOLLOW_UP, LAST = 1, 4  # which study of a lesion

INJECTED = {
    ("OPP-01", T1, None): "anterior end",
    ("OPP-02", T1, FIRST_FOLLOW_UP): "another series",
    ("OPP-03", T1POST, 0): "category only",
    ("OPP-03", T1POST, LAST): "category only",
    ("OPP-04", T2FS, LAST): "another answer",
    ("OPP-05", T2FS, None): "posterior end",
    ("OPP-06", T1, FIRST_FOLLOW_UP): "another lesion",
    ("OPP-08", T1POST, None): "another angle",
    ("OPP-09", T1, None): "another slice",
}
"""Lesion, sequence, study of the lesion (None for all), and why the second reader differs there."""

REPEATED_SERIES = ("PHANTOM-02", FIRST_FOLLOW_UP)  # this visit's T1 was done twice


def injected_cause(lesion_id: str, sequence: SeriesRole, study: int) -> str | None:
    """Give the cause that was put in, or None where the second reader draws the true line."""
    return INJECTED.get((lesion_id, sequence, study)) or INJECTED.get((lesion_id, sequence, None))


def read_demo_twice(folder: Path) -> Path:
    """Make the cohort, and have both read it from their packages; gives the project's folder."""
    cohort = write_phantom(folder / "cohort", coarse=True, workers=1)
    lines = true_lines(cohort.calipers)
    _repeat_a_series(cohort.dicom, set(lines))
    create_project(folder / "project")
    protocol = folder / "protocol.toml"
    protocol.write_text(
        EXAMPLE.replace("repeats_share = 0.1", "repeats_share = 0.0"), encoding="utf-8"
    )
    with open_project(folder / "project") as project:
        index(project, [cohort.dicom], workers=1)
        add_lesions(project.store, cohort.lesions, NOON)
        add_events(project.store, cohort.events, NOON)
        declare_protocol(project.store, protocol)
        for reader in ("reader-1", "reader-2"):
            issued = make_package(project, reader, folder / reader, NOON).issued
            draw = [_Second()] if reader == "reader-2" else []
            count = read_package(folder / reader, issued, lines, NOON, *draw)
            assert merge_package(project, folder / reader, NOON).added == count
    return folder / "project"


def adjudicated(project: Path, folder: Path) -> Path:
    """Give a copy of a project as if its protocol had named an adjudicator from the start."""
    copy = copytree(project, folder)
    with open_project(copy) as opened:
        protocol = needed_protocol(opened.store)
        changes = {"resolution": ResolvedBy.ADJUDICATOR, "adjudicator": "third"}
        opened.store.add_to_log([attrs.evolve(protocol, **changes)])
    return copy


class _Second:
    """A reader who errs as injected; knows how many studies of a lesion came before."""

    def __init__(self) -> None:
        self._days: dict[str, list[object]] = {}

    def __call__(self, lesion: str, cell: Cell, ends: Ends) -> Ends | Elsewhere | Answer | None:
        days = self._days.setdefault(lesion, [])
        if cell.study_date not in days:
            days.append(cell.study_date)  # cells come by date
        study = days.index(cell.study_date)
        column_1, row_1, column_2, row_2 = ends
        match injected_cause(lesion, cell.sequence, study):
            case "anterior end":
                return column_1 - 3, row_1, column_2, row_2
            case "posterior end":
                return column_1, row_1, column_2 + 3, row_2
            case "another angle":
                return column_1, row_1 - 2, column_2, row_2 + 2
            case "another slice":
                return Elsewhere(ends, slices=1)
            case "another series":
                return Elsewhere(ends, other_series=True)
            case "another lesion":  # the next vertebra
                return column_1, row_1 - 20, column_2, row_2 - 20
            case "another answer":
                return Answer.NOT_MEASURABLE
            case "category only":  # half a threshold at each of two studies
                return column_1, row_1, column_2 + (0.8 if study else -0.8), row_2
        return ends


def _repeat_a_series(dicom: Path, on: set[tuple[str, int]]) -> None:
    """Write a T1 series of one visit once more, as a scanner does when a sequence is repeated."""
    patient_id, study = REPEATED_SERIES
    paths = [path for path in (dicom / patient_id).rglob("*") if path.is_file()]
    headers = {path: pydicom.dcmread(path, stop_before_pixels=True) for path in paths}
    days = sorted({str(one.StudyDate) for one in headers.values()})
    series = {
        str(one.SeriesInstanceUID)
        for one in headers.values()
        if str(one.StudyDate) == days[study] and (str(one.SOPInstanceUID), 1) in on
        and one.RepetitionTime < 1000 and not one.get("ContrastBolusAgent")
    }  # fmt: skip
    (uid,) = series
    new = generate_uid(entropy_srcs=[uid])
    for path, header in headers.items():
        if header.SeriesInstanceUID == uid:
            again = pydicom.dcmread(path)
            again.SOPInstanceUID = generate_uid(entropy_srcs=[header.SOPInstanceUID])
            again.file_meta.MediaStorageSOPInstanceUID = again.SOPInstanceUID
            again.SeriesInstanceUID = new
            again.SeriesNumber = int(header.SeriesNumber) + 100
            pixels = again.pixel_array.copy()
            pixels[::7] += 3  # other noise: the same pixels would be a copy
            again.PixelData = pixels.tobytes()
            again.save_as(path.with_name(f"again-{path.name}"))

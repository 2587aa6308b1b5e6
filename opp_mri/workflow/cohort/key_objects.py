"""The key images of a lesion as DICOM objects, for the archive that holds the images."""

from collections import defaultdict
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Final

import numpy as np
from attrs import frozen

from opp_mri.cohort.figures.key_loop import draw_frame
from opp_mri.cohort.figures.key_strip import KeyStrip
from opp_mri.dicom.objects.key_images import (
    MeasuredImage,
    Picture,
    build_key_objects,
    build_presentation_state,
    build_secondary_capture,
)
from opp_mri.dicom.objects.modules import write_object
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.measurement import Reading
from opp_mri.errors import InputError, ProjectError
from opp_mri.files import make_file_name
from opp_mri.store.protocol import Store
from opp_mri.units import format_mm, weeks_from_days
from opp_mri.workflow.assessing.respond import ProjectLesion
from opp_mri.workflow.cohort.key_images import draw_key_strip
from opp_mri.workflow.exchange.report_plan import ImageReferences
from opp_mri.workflow.measuring.cells import Cell

DIGEST_LENGTH: Final = 10  # of hexadecimal digits: no two of a million names are alike by chance


@frozen(kw_only=True)
class KeyObjectSummary:
    """The DICOM objects of a lesion's key images.

    Parameters
    ----------
    states, selections, pictures
        Files of presentation states, key object selections and secondary captures.
    left_out
        What has no object or no picture, in sentences.
    """

    states: tuple[Path, ...]
    selections: tuple[Path, ...]
    pictures: tuple[Path, ...]
    left_out: tuple[str, ...]


@frozen(kw_only=True)
class _KeyCell:
    """A visit's caliper on one sequence, and the image that it lies on."""

    cell: Cell
    reading: Reading
    study_instance_uid: str
    image: MeasuredImage


def write_key_objects(
    store: Store, lesion: ProjectLesion, folder: Path, sequence: SeriesRole | None = None
) -> KeyObjectSummary:
    """Write the key images of a lesion as DICOM objects of the studies of their images.

    Each caliper becomes a Grayscale Softcopy Presentation State on its native image and, where the
    lesion's place in that study is known, a Secondary Capture. Each study gets one Key Object
    Selection. The same answers make the same objects.

    Parameters
    ----------
    folder
        Where the files go; it is created.
    sequence
        Only this one; None for all sequences.

    Raises
    ------
    InputError
        No answer has a caliper, or this is a blinded package.
    ProjectError
        The folder cannot be written.
    """
    cells = [cell for cell in lesion.cells if sequence in (None, cell.sequence)]
    strips = {
        sequence: draw_key_strip(store, lesion, sequence)
        for sequence in dict.fromkeys(cell.sequence for cell in cells)
    }
    left_out: list[str] = []
    key_cells = list(_list_key_cells(store, lesion, cells, left_out))
    if not key_cells:
        raise InputError(
            f"No answer about {lesion.lesion.lesion_id} has a caliper on an image of this project: "
            "measure it, or choose another sequence."
        )
    try:
        return _write(folder, lesion, key_cells, strips, left_out)
    except PermissionError as error:
        raise ProjectError(
            f"{folder} cannot be written ({error.strerror}): choose a folder that you may write."
        ) from error


def _list_key_cells(
    store: Store, lesion: ProjectLesion, cells: list[Cell], left_out: list[str]
) -> Iterator[_KeyCell]:
    references = ImageReferences(store)
    for cell in cells:
        reading = cell.reading
        if reading is None or reading.caliper is None or reading.length_mm is None:
            if reading is not None and reading.length_mm:
                left_out.append(f"{_name(cell)}: its length has no line on an image.")
            continue
        caliper = reading.caliper
        volume = references.find_volume(caliper)
        image = references.get_image(caliper.sop_instance_uid, caliper.frame_number)
        if volume is None or image is None:
            left_out.append(f"{_name(cell)}: its image is no longer in the project.")
            continue
        weeks = weeks_from_days(cell.days_from_ssrs)
        yield _KeyCell(
            cell=cell,
            reading=reading,
            study_instance_uid=volume.study_instance_uid,
            image=MeasuredImage(
                source=image.source,
                frame_number=image.frame_number,
                ends=(caliper.start, caliper.end),
                text=f"{lesion.lesion.lesion_id} {format_mm(reading.length_mm)}",
                description=f"{lesion.lesion.lesion_id} {cell.sequence.value} {weeks:+.1f} weeks",
                reader=reading.reader,
                recorded_at=reading.recorded_at,
                identity=(lesion.lesion.tracking_uid, reading.reading_id, image.sop_instance_uid),
            ),
        )


def _write(
    folder: Path,
    lesion: ProjectLesion,
    key_cells: list[_KeyCell],
    strips: dict[SeriesRole, KeyStrip],
    left_out: list[str],
) -> KeyObjectSummary:
    states, selections, pictures = [], [], []
    of_study = defaultdict(list)
    for key_cell in key_cells:
        of_study[key_cell.study_instance_uid].append(key_cell)
    for of_one_study in of_study.values():
        datasets = []
        for key_cell in of_one_study:
            datasets.append(build_presentation_state(key_cell.image))
            states.append(folder / _name_file(lesion, key_cell, "state"))
            write_object(datasets[-1], states[-1])
            picture = _draw(strips[key_cell.cell.sequence], key_cell, left_out)
            if picture is not None:
                pictures.append(folder / _name_file(lesion, key_cell, "picture"))
                write_object(build_secondary_capture(picture), pictures[-1])
        images = [key_cell.image for key_cell in of_one_study]
        weeks = weeks_from_days(of_one_study[0].cell.days_from_ssrs)
        description = f"Key images of {lesion.lesion.lesion_id}, {weeks:+.1f} weeks"
        selections.append(folder / _name_file(lesion, of_one_study[0], "selection"))
        write_object(build_key_objects(images, datasets, description), selections[-1])
    return KeyObjectSummary(
        states=tuple(states),
        selections=tuple(selections),
        pictures=tuple(pictures),
        left_out=tuple(left_out),
    )


def _draw(strip: KeyStrip, key_cell: _KeyCell, left_out: list[str]) -> Picture | None:
    """Return the picture of a visit as the strip shows it; where it shows none, say why."""
    cells = [panel for panel in strip.panels if panel.study_date == key_cell.cell.study_date]
    (panel,) = cells
    if panel.image is None or panel.image.line is None:
        left_out.append(f"{_name(key_cell.cell)}: {panel.reason or 'No picture with its line.'}")
        return None
    return Picture(pixels=np.asarray(draw_frame(strip, panel)), image=key_cell.image)


def _name(cell: Cell) -> str:
    return f"{cell.study_date}, {cell.sequence.value}"


def _name_file(lesion: ProjectLesion, key_cell: _KeyCell, kind: str) -> str:
    """Name a file by lesion, visit and sequence; a selection is of all sequences of a study.

    A digest tells apart what a file name does not: two lesions, readers, or studies of a day. The
    same cell has the same name, so that a later answer replaces an earlier one.
    """
    names = [lesion.lesion.lesion_id, str(key_cell.cell.study_date)]
    ids = [lesion.lesion.tracking_uid, key_cell.study_instance_uid]
    if kind != "selection":
        names += [key_cell.cell.sequence.value, key_cell.reading.reader]
        ids += [key_cell.cell.sequence.value, key_cell.reading.reader]
    digest = sha256("\n".join(ids).encode()).hexdigest()[:DIGEST_LENGTH]
    return f"{make_file_name('-'.join(names))}-{digest}-{kind}.dcm"

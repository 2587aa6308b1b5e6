"""Contours as DICOM segmentations, for the archive that holds the images."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from attrs import frozen

from opp_mri.contours.masks import fill_polygons
from opp_mri.dicom.objects.modules import write_object
from opp_mri.dicom.objects.segmentation import (
    Masks,
    SegmentedLesion,
    SegmentedReference,
    build_segmentation,
)
from opp_mri.dicom.sr.concepts import build_vertebra_code
from opp_mri.domain.contour import Contour, VolumeReading
from opp_mri.domain.imaging import VolumeDescription
from opp_mri.domain.measurement import Lesion
from opp_mri.errors import InputError
from opp_mri.files import make_file_name
from opp_mri.store.protocol import Store
from opp_mri.units import count_days, weeks_from_days
from opp_mri.workflow.measuring.blinding import check_shown
from opp_mri.workflow.measuring.contours import (
    find_images,
    find_series,
    outline_slices,
    select_latest_contours,
)
from opp_mri.workflow.measuring.lesions import select_lesions
from opp_mri.workflow.measuring.readings import find_signed_ids, select_counted


@frozen(kw_only=True)
class SegmentationSummary:
    """The segmentations that were written.

    Parameters
    ----------
    files
        Their files.
    left_out
        Contours without a segmentation, and why, in sentences.
    """

    files: tuple[Path, ...]
    left_out: tuple[str, ...]


def export_segmentations(
    store: Store, folder: Path, lesion_ids: Sequence[str] = (), reader: str | None = None
) -> SegmentationSummary:
    """Write the contours that count as DICOM segmentations, one for each reader and series.

    Slices between contours are part of it as they are of the volume. The same contours make the
    same object.

    Parameters
    ----------
    folder
        Where the files go; it is created.
    lesion_ids
        Only these lesions; none for all.
    reader
        Only the contours of this reader.

    Raises
    ------
    InputError
        There are no contours that count.
    ProjectError
        A reader still reads blind.
    UnknownError
        The project has no such lesion.
    """
    lesions = select_lesions(store, lesion_ids)
    files: list[Path] = []
    left_out: list[str] = []
    for lesion, reading in _list_contours(store, lesions, reader):
        check_shown(store, [reading.reader])
        volume = find_series(reading, find_images(store, reading))
        name = f"{lesion.lesion_id}-{reading.study_date}-{reading.sequence.value}-{reading.reader}"
        if volume is None:
            left_out.append(f"{name}: its series is no longer in the project.")
            continue
        segmentation = build_segmentation(_build_segmented_lesion(store, lesion, reading, volume))
        # as two lesions or readers may have names that a file name does not tell apart
        path = folder / f"{make_file_name(name)}-{segmentation.SOPInstanceUID[-10:]}.dcm"
        write_object(segmentation, path)
        files.append(path)
    if not files and not left_out:
        raise InputError(
            "There are no signed contours: draw them in the reading room (key T), and sign."
        )
    return SegmentationSummary(files=tuple(files), left_out=tuple(left_out))


def _list_contours(
    store: Store, lesions: Sequence[Lesion], reader: str | None
) -> Iterator[tuple[Lesion, VolumeReading]]:
    for lesion in lesions:
        counted_readings = select_counted(
            store.log_of(VolumeReading, lesion.lesion_id), find_signed_ids(store, lesion.lesion_id)
        )
        for name in sorted({reading.reader for reading in counted_readings}):
            if reader in (None, name):
                own = [reading for reading in counted_readings if reading.reader == name]
                for reading in select_latest_contours(own).values():
                    yield lesion, reading


def _build_segmented_lesion(
    store: Store, lesion: Lesion, reading: VolumeReading, volume: VolumeDescription
) -> SegmentedLesion:
    uids = dict.fromkeys(frame.sop_instance_uid for frame in volume.frames)
    sources = store.get_sources_of(uids)
    weeks = weeks_from_days(count_days(lesion.ssrs_last_date, reading.study_date))
    return SegmentedLesion(
        sources=tuple(sources[uid] for uid in uids),
        masks=_fill(reading.contours, volume),
        reference=None
        if reading.reference is None
        else SegmentedReference(
            vertebra=build_vertebra_code(reading.reference.level),
            masks=_fill(reading.reference.contours, volume),
        ),
        description=f"{lesion.lesion_id} {reading.sequence.value} {weeks:+.1f} weeks",
        reader=reading.reader,
        recorded_at=reading.recorded_at,
        tracking_uid=lesion.tracking_uid,
        identity=(lesion.tracking_uid, reading.reading_id),
    )


def _fill(contours: Sequence[Contour], volume: VolumeDescription) -> Masks:
    has_frames = len({frame.sop_instance_uid for frame in volume.frames}) == 1
    plane = volume.planes[0]
    return {
        volume.frames[place].frame_number - 1 if has_frames else place: fill_polygons(
            parts, (plane.rows, plane.columns)
        )
        for place, parts in outline_slices(contours, volume).items()
    }

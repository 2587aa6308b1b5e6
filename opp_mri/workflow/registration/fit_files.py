"""Fits out and in: transforms, resampled follow-ups and differences as files; a fit from a file."""

from collections.abc import Sequence
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from opp_mri.dicom.derived import write_derived_series
from opp_mri.dicom.objects.modules import ReferencedImages
from opp_mri.dicom.objects.spatial_registration import (
    Registration,
    is_dicom_file,
    read_spatial_registration,
    write_spatial_registration,
)
from opp_mri.dicom.volume import load_volume
from opp_mri.domain.alignment import Alignment, select_confirmed_fits
from opp_mri.domain.geometry import FloatArray, VolumeGeometry
from opp_mri.domain.imaging import SeriesRole, SourceFile, VolumeDescription
from opp_mri.domain.repeated_uid import get_uid_in_file
from opp_mri.domain.transform import ROTATION_TOLERANCE, RigidTransform
from opp_mri.errors import InputError, UnknownError
from opp_mri.files import make_file_name
from opp_mri.registration.align import judge, list_parameters
from opp_mri.registration.files import read_transform, write_image, write_transform
from opp_mri.registration.resampling import resample_on_grid, subtract
from opp_mri.registration.second_opinion import add_second_opinion, ask_second_opinion
from opp_mri.store.protocol import Store
from opp_mri.workflow.registration.align_plan import (
    IMPORTED,
    SequencePair,
    VisitTask,
    import_id,
    plan,
)
from opp_mri.workflow.registration.align_review import load_volume_of_project

NEARLY_RIGID: Final = 1e-3  # digits that a text file may have lost


class FitFormat(StrEnum):
    """What a fit is written as."""

    TFM = "tfm"
    NRRD = "nrrd"
    NIFTI = "nifti"
    DICOM = "dicom"
    REGISTRATION = "reg"


def export_fits(
    store: Store, folder: Path, formats: Sequence[FitFormat], fit_ids: Sequence[str] = ()
) -> list[Path]:
    """Write confirmed fits for other programs.

    Parameters
    ----------
    folder
        Where the files go, named after lesion, sequence, follow-up and fit.
    formats
        A transform of ITK; the follow-up on the baseline's grid and its difference from the
        baseline as NRRD or NIfTI; the follow-up on that grid as a derived DICOM series; the
        transform as a DICOM Spatial Registration.
    fit_ids
        These fits; all that are confirmed where it is empty.

    Raises
    ------
    UnknownError
        There is no such fit.
    InputError
        A fit is not confirmed, or its images are gone.
    """
    alignments = {alignment.fit_id: alignment for alignment in store.get_alignments()}
    if unknown := [fit_id for fit_id in fit_ids if fit_id not in alignments]:
        raise UnknownError(f"There is no fit {unknown[0]}: `opp-mri align` lists them.")
    confirmed_fits = {
        alignment.fit_id: alignment
        for alignment in select_confirmed_fits(alignments.values(), store.get_alignment_decisions())
    }
    if undecided_ids := [fit_id for fit_id in fit_ids if fit_id not in confirmed_fits]:
        raise InputError(
            f"Fit {undecided_ids[0]} is not confirmed, and only a confirmed fit is exported: look "
            "at it and confirm it with `opp-mri fit confirm`."
        )
    folder.mkdir(parents=True, exist_ok=True)
    return [
        path
        for fit_id in fit_ids or confirmed_fits
        for path in _export(store, folder, formats, confirmed_fits[fit_id])
    ]


def import_fit(
    store: Store,
    path: Path,
    *,
    lesion_id: str,
    sequence: SeriesRole,
    followup_date: date,
    at: datetime,
) -> Alignment:
    """Judge a transform that another program made, and offer it to readers like our own.

    Parameters
    ----------
    path
        A transform of ITK from points of the baseline to the follow-up, LPS mm, or a DICOM Spatial
        Registration of the two.
    lesion_id, sequence, followup_date
        The fit that it is of.

    Raises
    ------
    UnknownError
        There is no such lesion.
    InputError
        There is no such follow-up, or the file holds no rigid transform.
    GeometryError
        The images cannot be lined up.
    """
    task, pair = _find_planned(store, lesion_id, sequence, followup_date)
    baseline, followup = (load_volume(volume, task.sources) for volume in pair[1:])
    transform = RigidTransform(
        to_frame_of_reference_uid=baseline.geometry.frame_of_reference_uid,
        from_frame_of_reference_uid=followup.geometry.frame_of_reference_uid,
        matrix=_make_rigid(path, _read_matrix(path, pair, baseline.geometry, followup.geometry)),
    )
    fit = judge(
        baseline,
        followup,
        transform,
        centre_lps_mm=task.centre_lps_mm,
        lesion_radius_mm=task.lesion_radius_mm,
    )
    fit = add_second_opinion(
        fit, ask_second_opinion(baseline, followup, fit, task.lesion_radius_mm)
    )
    alignment = Alignment(
        fit_id=import_id(task, pair, transform),
        patient_id=task.patient_id,
        lesion_id=task.lesion_id,
        sequence=sequence,
        baseline_volume_id=pair[1].volume_id,
        followup_volume_id=pair[2].volume_id,
        baseline_study_date=get_baseline_date(pair),
        followup_study_date=followup_date,
        brought_along=False,
        algorithm_version=IMPORTED,
        parameters=list_parameters(),
        fit=fit,
        recorded_at=at,
    )
    store.add_alignments([alignment])
    return alignment


def _read_matrix(
    path: Path, pair: SequencePair, baseline: VolumeGeometry, followup: VolumeGeometry
) -> FloatArray:
    if not is_dicom_file(path):
        return read_transform(path)
    return read_spatial_registration(
        path,
        baseline_frame_uid=baseline.frame_of_reference_uid,
        followup_frame_uid=followup.frame_of_reference_uid,
        baseline_uids=_list_uids_in_files(pair[1]),
        followup_uids=_list_uids_in_files(pair[2]),
    )


def get_baseline_date(pair: SequencePair) -> date:
    """Return the date of the baseline of a pair, which is never paired without one.

    Raises
    ------
    ValueError
        The baseline has no date.
    """
    if pair[1].study_date is None:
        raise ValueError("volumes without a date are never paired")
    return pair[1].study_date


def _find_planned(
    store: Store, lesion_id: str, sequence: SeriesRole, followup_date: date
) -> tuple[VisitTask, SequencePair]:
    for task in plan(store, [lesion_id]):
        for pair in task.pairs:
            if pair[0] is sequence and pair[2].study_date == followup_date:
                return task, pair
    raise InputError(
        f"{lesion_id} has no {sequence.value} follow-up of {followup_date} that can be lined up: "
        "`opp-mri align` lists those that can."
    )


def _make_rigid(path: Path, matrix: FloatArray) -> FloatArray:
    """Take the rounding of a text file out of a rotation; refuse what stretches."""
    rotation = matrix[:3, :3]
    if np.abs(rotation @ rotation.T - np.eye(3)).max() > NEARLY_RIGID:
        raise InputError(f"{path} stretches or shears: only a rigid transform can be a fit.")
    clean = matrix.copy()
    if np.abs(rotation @ rotation.T - np.eye(3)).max() > ROTATION_TOLERANCE / 10:
        clean[:3, :3] = Rotation.from_matrix(rotation).as_matrix()
    return clean


def _export(
    store: Store, folder: Path, formats: Sequence[FitFormat], alignment: Alignment
) -> list[Path]:
    name = "-".join(
        (
            make_file_name(alignment.lesion_id or "field-of-view"),
            alignment.sequence.value,
            str(alignment.followup_study_date),
            alignment.fit_id,
        )
    )
    paths = []
    if FitFormat.TFM in formats:
        paths.append(folder / f"{name}.tfm")
        write_transform(paths[-1], alignment.fit.baseline_from_followup)
    if FitFormat.REGISTRATION in formats:
        paths.append(folder / f"{name}.dcm")
        _write_registration(store, paths[-1], alignment)
    if set(formats) <= {FitFormat.TFM, FitFormat.REGISTRATION}:
        return paths
    baseline = load_volume_of_project(store, alignment.baseline_volume_id)
    followup = load_volume_of_project(store, alignment.followup_volume_id)
    grid = baseline.geometry
    followup_on_grid = resample_on_grid(
        followup, grid, alignment.fit.baseline_from_followup.invert()
    )
    images: dict[str, NDArray[np.float32]] = {
        "resampled": followup_on_grid,
        "difference": subtract(followup_on_grid, baseline.voxels),
    }
    suffixes = {FitFormat.NRRD: ".nrrd", FitFormat.NIFTI: ".nii.gz"}
    for file_format in formats:
        for kind, values in images.items() if file_format in suffixes else ():
            paths.append(folder / f"{name}-{kind}{suffixes[file_format]}")
            write_image(paths[-1], values, grid)
    if FitFormat.DICOM in formats:
        description = _get_volume(store, alignment.followup_volume_id)
        paths += write_derived_series(
            folder / f"{name}-dicom",
            followup_on_grid,
            grid,
            description,
            _get_source(store, description),
            f"Rigid fit {alignment.fit_id} of opp_mri, linear interpolation. Not for measurement.",
        )
    return paths


def _write_registration(store: Store, path: Path, alignment: Alignment) -> None:
    baseline = _get_volume(store, alignment.baseline_volume_id)
    followup = _get_volume(store, alignment.followup_volume_id)
    decision = store.get_alignment_decisions()[alignment.fit_id][-1]
    decided_at = decision.recorded_at
    registration = Registration(
        baseline_from_followup=alignment.fit.baseline_from_followup,
        baseline=_reference_volume(baseline),
        followup=_reference_volume(followup),
        followup_source=_get_source(store, followup),
        description=f"{alignment.sequence.value} onto {alignment.baseline_study_date}, rigid",
        confirmed_by=decision.reader,
        confirmed_at=decided_at,
        identity=(
            alignment.fit_id, followup.study_instance_uid, decision.reader, decided_at.isoformat(),
        ),
    )  # fmt: skip
    write_spatial_registration(path, registration)


def _get_volume(store: Store, volume_id: str) -> VolumeDescription:
    volume = store.get_volume(volume_id)
    if volume is None:
        raise InputError("The images are no longer in the project: index their folder again.")
    return volume


def _get_source(store: Store, volume: VolumeDescription) -> SourceFile:
    first = volume.frames[0].sop_instance_uid
    return store.get_sources_of([first])[first]


def _list_uids_in_files(volume: VolumeDescription) -> tuple[str, ...]:
    uids = (get_uid_in_file(frame.sop_instance_uid) for frame in volume.frames)
    return tuple(dict.fromkeys(uids))


def _reference_volume(volume: VolumeDescription) -> ReferencedImages:
    return ReferencedImages(
        study_instance_uid=volume.study_instance_uid,
        series_instance_uid=volume.series_instance_uid,
        sop_class_uid=volume.instance.sop_class_uid,
        sop_instance_uids=_list_uids_in_files(volume),
    )

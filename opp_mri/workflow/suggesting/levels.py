"""Suggest the level of each lesion from a label map of another program. Nothing is recorded."""

from pathlib import Path

from attrs import frozen

from opp_mri.dicom.volume import build_geometry
from opp_mri.errors import ProjectError, UnknownError
from opp_mri.store.protocol import Store
from opp_mri.suggestion.label_maps import (
    SACRUM,
    LabelledVertebra,
    LabelTool,
    read_label_map,
)
from opp_mri.workflow.catalogue.patients import map_patients
from opp_mri.workflow.measuring.blinding import read_blinding
from opp_mri.workflow.measuring.seeds import carry_seed_to_frames


@frozen(kw_only=True)
class SuggestedLevel:
    """What a label map says of the level of a lesion.

    Parameters
    ----------
    recorded_level
        As a reader has recorded it: this remains the truth.
    suggested_level
        "" where the label map says nothing.
    note
        Whether both agree, or why there is no suggestion.
    """

    lesion_id: str
    recorded_level: str
    suggested_level: str
    note: str


def suggest_levels(
    store: Store, path: Path, tool: LabelTool, volume_id: str
) -> tuple[tuple[LabelledVertebra, ...], tuple[SuggestedLevel, ...]]:
    """Return the vertebrae of a label map, and the levels that it gives to a patient's lesions.

    Parameters
    ----------
    path
        Label map in NIfTI.
    tool
        The program that wrote it.
    volume_id
        The series that was segmented.

    Raises
    ------
    UnknownError
        The project holds no such volume.
    InputError, GeometryError
        The label map cannot be used, or does not belong to the series.
    ProjectError
        The project is a blinded package.
    """
    if read_blinding(store) is not None:
        raise ProjectError(
            "This command is not available in a blinded package: where a lesion is known would "
            "tell which study is the baseline. Use it in the project of the study."
        )
    volume = store.get_volume(volume_id)
    if volume is None:
        raise UnknownError(
            f"There is no volume {volume_id} in this project. `opp-mri series` lists them."
        )
    label_map = read_label_map(path, tool, build_geometry(volume))
    frame_uid = volume.planes[0].frame_of_reference_uid
    own_ids = map_patients(store).group(volume.patient_id)
    suggested_levels = []
    for lesion in store.get_lesions():
        if lesion.patient_id not in own_ids:
            continue
        point = carry_seed_to_frames(store, lesion).get(frame_uid) if frame_uid else None
        level = "" if point is None else label_map.find_level(point)
        suggested_levels.append(
            SuggestedLevel(
                lesion_id=lesion.lesion_id,
                recorded_level=lesion.level,
                suggested_level=level,
                note=_describe(lesion.level, level, is_placed=point is not None),
            )
        )
    return label_map.vertebrae, tuple(suggested_levels)


def _describe(recorded_level: str, level: str, *, is_placed: bool) -> str:
    if not is_placed:
        return "The position of the lesion is not known in this series."
    if not level:
        return "No vertebra is clearly the nearest to the lesion's position."
    if level == recorded_level:
        return "The recorded level agrees."
    if level == SACRUM:
        is_sacral = recorded_level.startswith("S")
        return (
            "The recorded level agrees; the label map does not tell S1 from S5."
            if is_sacral
            else "The recorded level differs: a reader decides."
        )
    return "The recorded level differs: a reader decides."

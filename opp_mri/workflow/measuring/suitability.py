"""On which images an anteroposterior extent can be measured: sagittal ones of the cell's role."""

from typing import Final

from opp_mri.domain.imaging import Plane, SeriesRole, VolumeDescription

OVERRIDDEN: Final = "Measured by override."  # begins the remark of a length on such an image
SUITABLE: Final = (
    "Choose a sagittal series of the sequence, or give a reason for the override (in a table: "
    "column override_reason)."
)


def explain_unsuitable(volume: VolumeDescription, sequence: SeriesRole) -> str:
    """Explain why a line on a volume is not an AP extent of a sequence.

    A line across a coronal or axial image, or on a series of another role, has a length, but it is
    not the length that the response rules compare (RULES: which series is which).

    Parameters
    ----------
    volume
        The volume that the line lies on.
    sequence
        The sequence that the length would be recorded for.

    Returns
    -------
    str
        A sentence; "" where the volume is suitable.
    """
    if volume.plane is not Plane.SAGITTAL:
        plane = volume.plane.value if volume.plane else "not placed in the patient"
        return f"This series is {plane}, not sagittal: a line here is not an AP extent."
    if volume.role is None:
        return "This series has no role, so its sequence is not known."
    if volume.is_in_doubt:
        return f"The role of this series is in doubt: it may be {volume.role.value}."
    if volume.role is not sequence:
        return f"This series is {volume.role.value}, not {sequence.value}."
    return ""


def suggest_role(volume: VolumeDescription, sequence: SeriesRole) -> str:
    """Name the command that makes a sagittal series one of a sequence; "" where none would."""
    if volume.plane is not Plane.SAGITTAL or (volume.role is not None and not volume.is_in_doubt):
        return ""
    does = "gives it one" if volume.role is None else "settles it"
    return f"`opp-mri role {volume.volume_id} {sequence.value}` {does}."

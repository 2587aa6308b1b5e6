"""What differs in acquisition between two studies that a change is taken from (RULES: reported)."""

from typing import Final

from opp_mri.dicom.roles.suppression import judge_fat_suppression
from opp_mri.dicom.roles.weighting import get_field_strength_t
from opp_mri.domain.geometry import multiply_scalar
from opp_mri.domain.imaging import SeriesRole, VolumeDescription

RELATIVE_TIMING_CHANGE: Final = 0.25  # of TR or TE, above which contrast may differ
RELATIVE_THICKNESS_CHANGE: Final = 0.25  # partial volume at the edge grows with the thickness
RELATIVE_BANDWIDTH_CHANGE: Final = 0.25  # chemical shift is inverse to the bandwidth
SAME_FIELD_T: Final = 0.1
TILT_COS: Final = 0.966  # 15 degrees between slice normals


def compare_acquisitions(
    role: SeriesRole, baseline: VolumeDescription, follow_up: VolumeDescription
) -> list[str]:
    """Describe what differs between a baseline and a follow-up volume of one role, in sentences.

    An edge that chemical shift moves by a pixel, or another fat suppression, can look like growth.
    """
    flags = []
    before, after = baseline.instance, follow_up.instance
    field_before, field_after = get_field_strength_t(before), get_field_strength_t(after)
    if field_before and field_after and abs(field_before - field_after) > SAME_FIELD_T:
        flags.append(f"Field strength differs: {field_before:g} T, then {field_after:g} T.")
    are_suppressed = (
        bool(judge_fat_suppression(before).value),
        bool(judge_fat_suppression(after).value),
    )
    if role is not SeriesRole.STIR and are_suppressed[0] != are_suppressed[1]:
        words = ["with" if is_suppressed else "without" for is_suppressed in are_suppressed]
        flags.append(f"Fat suppression differs: {words[0]}, then {words[1]}.")
    timings = (
        ("TR", before.repetition_time_ms, after.repetition_time_ms, "ms", RELATIVE_TIMING_CHANGE),
        ("TE", before.echo_time_ms, after.echo_time_ms, "ms", RELATIVE_TIMING_CHANGE),
        (
            "Receiver bandwidth",
            before.pixel_bandwidth_hz,
            after.pixel_bandwidth_hz,
            "Hz/pixel",
            RELATIVE_BANDWIDTH_CHANGE,
        ),
        (
            "Slice thickness",
            before.slice_thickness_mm,
            after.slice_thickness_mm,
            "mm",
            RELATIVE_THICKNESS_CHANGE,
        ),
    )
    for name, first, second, unit, tolerance in timings:
        if first and second and abs(first - second) / max(first, second) > tolerance:
            flags.append(f"{name} differs: {first:g} {unit}, then {second:g} {unit}.")
    phases = before.in_plane_phase_encoding_direction, after.in_plane_phase_encoding_direction
    if all(phases) and phases[0] != phases[1]:
        flags.append(f"Phase direction differs: {phases[0]}, then {phases[1]}.")
    if baseline.plane and follow_up.plane and baseline.plane is not follow_up.plane:
        flags.append(f"Plane differs: {baseline.plane.value}, then {follow_up.plane.value}.")
    elif (
        baseline.planes
        and follow_up.planes
        and abs(multiply_scalar(baseline.planes[0].normal, follow_up.planes[0].normal)) < TILT_COS
    ):
        flags.append("The slices are tilted against each other by more than 15 degrees.")
    return flags

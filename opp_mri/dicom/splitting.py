"""Split the frames of a series into stacks, each of one orientation, echo and acquisition.

What makes images of another kind (orientation, matrix, spacing, echo time, stack, frame type)
always splits. What only numbers them (acquisition, temporal position, trigger time) splits where
slices would otherwise lie on top of each other, and nowhere else: many scanners give every slice
an acquisition number and time of its own.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Final

import numpy as np
from attrs import field, frozen

from opp_mri.dicom.roles.contrast import compute_minutes_after_bolus
from opp_mri.dicom.roles.image_kind import list_derivations
from opp_mri.domain.geometry import FloatArray, ImagePlane, multiply_scalar
from opp_mri.domain.imaging import Frame, Instance
from opp_mri.domain.repeated_uid import get_repetition
from opp_mri.errors import GeometryError
from opp_mri.units import RECORDED_PRECISION_MM

SAME_ORIENTATION_DEGREES: Final = 0.5  # 100 times the noise of headers; planned tilts are larger
SAME_POSITION_MM: Final = float(RECORDED_PRECISION_MM)
SAME_LINE_MM: Final = 0.5  # of slice origins, seen along the normal
SAME_SPACING: Final = 2e-4  # relative: a tenth of a pixel over a matrix of 512
SMALLEST_PIXEL_MM: Final = 0.01
LARGEST_PIXEL_MM: Final = 50
FARTHEST_MM: Final = 100_000  # of a position from the origin
SAME_ECHO_MS: Final = 0.1
SAME_ECHO: Final = 0.01  # relative: long echo times are written with more jitter

Numbers = tuple[float, ...]


@frozen(kw_only=True, eq=False)
class Slice:
    """One frame with its place in the patient, or with the reason why it has none.

    Parameters
    ----------
    instance, frame
        The frame and the instance that holds it.
    plane, fault
        Its place, or why it has none.
    header
        The header as it is for this frame.
    """

    instance: Instance
    frame: Frame
    plane: ImagePlane | None
    header: Instance = field(repr=False)
    fault: str = ""

    @property
    def order(self) -> tuple[float, str, int]:
        """Order of acquisition as the scanner numbered it, whatever the order of the files."""
        number = self.instance.instance_number
        return (
            math.inf if number is None else number,
            self.instance.sop_instance_uid,
            self.frame.frame_number,
        )

    @property
    def image_type(self) -> tuple[str, ...]:
        """FrameType, or else ImageType, in capitals."""
        return tuple(value.strip().upper() for value in self.header.image_type)


def place_slices(instances: Iterable[Instance]) -> list[Slice]:
    """Place every frame of the instances, in the order in which the scanner numbered them."""
    slices = [_place_slice(instance, frame) for instance in instances for frame in instance.frames]
    return sorted(slices, key=lambda image: image.order)


def split_into_stacks(slices: Sequence[Slice]) -> list[list[Slice]]:
    """Split a series into stacks, in the order of their first slice.

    Parameters
    ----------
    slices
        All frames of one series, from `slices_of`.

    Returns
    -------
    list of list of Slice
        Each stack sorted by position along its normal where it has one. Slices that still lie at
        one position could not be distinguished by the headers.
    """
    stacks = []
    for alike in _group_slices(slices, _list_kinds(slices)):
        if alike[0].plane is None:
            stacks.append(alike)
            continue
        for line in _split_into_lines(alike):
            stacks.extend(_split_repeats(line))
    return sorted(map(_sort_slices, stacks), key=lambda stack: min(image.order for image in stack))


def measure_distances_mm(stack: Sequence[Slice]) -> list[float]:
    """Return the position of each placed slice along the normal of the first, in mm."""
    positions = [image.plane.position_lps_mm for image in stack if image.plane is not None]
    first = stack[0].plane
    if first is None:
        return []
    (nx, ny, nz), (left, back, below) = first.normal, first.position_lps_mm
    return [(x - left) * nx + (y - back) * ny + (z - below) * nz for x, y, z in positions]


def measure_angle_degrees(a: ImagePlane, b: ImagePlane) -> float:
    """Return the larger angle between the rows, and between the columns, of two images."""
    row = math.dist(a.row_direction, b.row_direction)
    column = math.dist(a.column_direction, b.column_direction)
    return math.degrees(2 * math.asin(min(1.0, max(row, column) / 2)))


def _place_slice(instance: Instance, frame: Frame) -> Slice:
    header = instance.get_frame_header(frame)
    plane, fault = None, _find_geometry_fault(header, frame)
    if not fault:
        try:
            plane = _build_plane(instance, frame)
        except GeometryError as error:
            fault = str(error)
    return Slice(instance=instance, frame=frame, plane=plane, header=header, fault=fault)


def _find_geometry_fault(header: Instance, frame: Frame) -> str:
    """Describe what of a frame's geometry is absent or cannot be understood, or ""."""
    absent = []
    for keyword, value in (
        ("ImagePositionPatient", frame.image_position_lps_mm),
        ("ImageOrientationPatient", frame.image_orientation),
        ("PixelSpacing", frame.pixel_spacing_mm),
    ):
        if value is None and (unreadable := header.describe_unreadable_value(keyword)):
            return f"{unreadable} So pixels have no place or size in mm."
        if value is None:
            absent.append(keyword)
    if absent:
        return f"The header has no {' and no '.join(absent)}: pixels have no place or size in mm."
    spacings = frame.pixel_spacing_mm or ()
    if any(not SMALLEST_PIXEL_MM <= spacing <= LARGEST_PIXEL_MM for spacing in spacings):
        spacing_text = "\\".join(dict.fromkeys(f"{spacing:g}" for spacing in spacings))
        return (
            f"PixelSpacing is {spacing_text} mm, and no pixel is smaller than {SMALLEST_PIXEL_MM} "
            f"or larger than {LARGEST_PIXEL_MM} mm."
        )
    if any(abs(number) > FARTHEST_MM for number in frame.image_position_lps_mm or ()):
        return "ImagePositionPatient lies more than 100 m from the origin: it cannot be right."
    return ""


def _build_plane(instance: Instance, frame: Frame) -> ImagePlane | None:
    position, orientation = frame.image_position_lps_mm, frame.image_orientation
    spacing = frame.pixel_spacing_mm
    if position is None or orientation is None or spacing is None:
        return None
    return ImagePlane(
        frame_of_reference_uid=instance.frame_of_reference_uid,
        position_lps_mm=position,
        row_direction=orientation[:3],
        column_direction=orientation[3:],
        row_spacing_mm=spacing[0],
        column_spacing_mm=spacing[1],
        rows=instance.rows,
        columns=instance.columns,
    )


def _list_kinds(slices: Sequence[Slice]) -> list[Hashable]:
    """Name the kind of image that each slice is; only slices of one kind can make a stack."""
    orientations = _find_leaders(map(_get_orientation, slices), _has_same_orientation)
    spacings = _find_leaders(map(_get_spacing, slices), _has_same_spacing)
    echoes = _find_leaders(map(_get_echo, slices), _has_same_echo)
    return [
        (
            image.fault,
            orientations[_get_orientation(image)],
            spacings[_get_spacing(image)],
            echoes[_get_echo(image)],
            image.image_type[2:],
            get_component(image.header),
            image.instance.study_date,
            get_repetition(image.instance.sop_instance_uid),
            image.frame.stack_id,
            image.instance.rows,
            image.instance.columns,
            image.instance.frame_of_reference_uid,
            image.instance.sop_class_uid,
            image.instance.photometric_interpretation,
        )
        for image in slices
    ]


def _get_orientation(image: Slice) -> Numbers:
    return image.frame.image_orientation or ()


def _get_spacing(image: Slice) -> Numbers:
    return image.frame.pixel_spacing_mm or ()


def _get_echo(image: Slice) -> Numbers:
    own, shared = image.frame.echo_time_ms, image.instance.echo_time_ms
    echo_time = shared if own is None else own
    return () if echo_time is None else (echo_time,)


def _has_same_orientation(a: Numbers, b: Numbers) -> bool:
    chord = 2 * math.sin(math.radians(SAME_ORIENTATION_DEGREES) / 2)
    return math.dist(a[:3], b[:3]) <= chord and math.dist(a[3:], b[3:]) <= chord


def _has_same_spacing(a: Numbers, b: Numbers) -> bool:
    return all(math.isclose(x, y, rel_tol=SAME_SPACING) for x, y in zip(a, b, strict=True))


def _has_same_echo(a: Numbers, b: Numbers) -> bool:
    return math.isclose(a[0], b[0], rel_tol=SAME_ECHO, abs_tol=SAME_ECHO_MS)


def _find_leaders(
    values: Iterable[Numbers], is_same: Callable[[Numbers, Numbers], bool]
) -> dict[Numbers, Numbers]:
    """Map each value to the smallest one that counts as the same, so that noise makes no split."""
    leader_of: dict[Numbers, Numbers] = {}
    leaders: list[Numbers] = []
    for value in sorted(set(values)):
        like = (o for o in leaders if len(o) == len(value) and (not value or is_same(o, value)))
        leader = next(like, None)
        if leader is None:
            leaders.append(leader := value)
        leader_of[value] = leader
    return leader_of


def _group_slices(slices: Sequence[Slice], keys: Sequence[Hashable]) -> list[list[Slice]]:
    groups: dict[Hashable, list[Slice]] = defaultdict(list)
    for image, key in zip(slices, keys, strict=True):
        groups[key].append(image)
    return list(groups.values())


def _sort_slices(stack: list[Slice]) -> list[Slice]:
    if stack[0].plane is None:
        return stack
    distances = measure_distances_mm(stack)
    return [image for _, image in sorted(zip(distances, stack, strict=True), key=lambda p: p[0])]


def _number_positions(stack: Sequence[Slice]) -> list[int]:
    """Count the positions along the normal from 0: slices at one position share a number."""
    distances = np.array(measure_distances_mm(stack))
    order = np.argsort(distances, kind="stable")
    steps = np.diff(distances[order], prepend=distances[order[0]]) > SAME_POSITION_MM
    numbers = np.empty(len(stack), dtype=np.int64)
    numbers[order] = np.cumsum(steps)
    return [int(number) for number in numbers]


def _count_repetitions(stack: Sequence[Slice]) -> int:
    """Return the largest number of slices at one position."""
    return max(Counter(_number_positions(stack)).values())


def _split_into_lines(alike: list[Slice]) -> list[list[Slice]]:
    """Split parallel slices into stacks that lie side by side, as blocks of a spine do.

    Slices whose origins lie on one line along the normal belong together. Only whole stacks are
    split off: where a line holds a single slice the shift is a slant or a displaced slice, which
    is for `stacks` to name.
    """
    first = alike[0].plane
    origins = [image.plane.position_lps_mm for image in alike if image.plane is not None]
    if first is None or len(alike) < 2 * 2:
        return [alike]
    shifts = np.array(
        [
            (multiply_scalar(o, first.row_direction), multiply_scalar(o, first.column_direction))
            for o in origins
        ]
    )
    lines = _group_slices(alike, _connect_points(shifts, SAME_LINE_MM))
    whole = all(max(_number_positions(line)) > 0 for line in lines)
    return lines if whole else [alike]


def _connect_points(points: FloatArray, reach: float) -> list[int]:
    """Label points so that those joined by steps of at most `reach` share a label."""
    labels = np.full(len(points), -1)
    for seed in range(len(points)):
        if labels[seed] >= 0:
            continue
        labels[seed] = seed
        front = [seed]
        while front:
            steps = np.hypot(*(points - points[front.pop()]).T)
            near = np.flatnonzero((steps <= reach) & (labels < 0))
            labels[near] = seed
            front.extend(int(index) for index in near)
    return [int(label) for label in labels]


def get_component(header: Instance) -> str:
    """Return ComplexImageComponent, "" for a magnitude image."""
    component = header.complex_image_component.strip().upper()
    return "" if component == "MAGNITUDE" else component


def _get_acquisition(instance: Instance) -> Hashable:
    return instance.acquisition_date, instance.acquisition_time


def _make_fact(keyword: str, name: str) -> Callable[[Slice], Hashable]:
    return lambda image: (keyword, getattr(image.header, name))


DECIDING_FIELDS: Final[Mapping[str, str]] = {
    "contrast_agent": "ContrastBolusAgent",
    "contrast_administered": "ContrastBolusAgentAdministered",
    "contrast_volume_ml": "ContrastBolusVolume",
    "image_type": "ImageType",
    "scanning_sequence": "ScanningSequence",
    "scan_options": "ScanOptions",
    "repetition_time_ms": "RepetitionTime",
    "inversion_time_ms": "InversionTime",
    "flip_angle_deg": "FlipAngle",
    "inversion_recovery": "InversionRecovery",
    "spectrally_selected_suppression": "SpectrallySelectedSuppression",
    "acquisition_contrast": "AcquisitionContrast",
    "echo_pulse_sequence": "EchoPulseSequence",
    "echo_planar_pulse_sequence": "EchoPlanarPulseSequence",
    "diffusion_b_value": "DiffusionBValue",
    "volume_based_calculation_technique": "VolumeBasedCalculationTechnique",
    "series_description": "SeriesDescription",
    "protocol_name": "ProtocolName",
}
DECIDING: Final[Mapping[str, Callable[[Slice], Hashable]]] = {
    **{keyword: _make_fact(keyword, name) for name, keyword in DECIDING_FIELDS.items()},
    "DerivationDescription": lambda image: list_derivations(image.header),
    "the side of the start of contrast": lambda image: _is_after_bolus(image.header),
}
"""What decides a role, by the name that a user reads: asked of every frame."""


def _is_after_bolus(header: Instance) -> bool | None:
    minutes = compute_minutes_after_bolus(header)
    return None if minutes is None else minutes >= 0


NUMBERINGS: Final[tuple[Callable[[Slice], Hashable], ...]] = (
    *DECIDING.values(),
    lambda s: s.frame.temporal_position,
    lambda s: s.instance.temporal_position,
    lambda s: s.instance.echo_number,
    lambda s: s.instance.acquisition_number,
    lambda s: s.image_type or None,
    lambda s: s.instance.acquisition_time and _get_acquisition(s.instance),
    lambda s: s.instance.trigger_time_ms,
)


def _split_repeats(stack: list[Slice]) -> list[list[Slice]]:
    """Distinguish repeated acquisitions of the same positions, by the first numbering that does.

    A numbering explains the repeats when it shares them out among its values. One that numbers
    every slice again, or that numbers interleaved halves, does not.
    """
    repetitions = _count_repetitions(stack)
    if repetitions == 1:
        return [stack]
    for numbering in NUMBERINGS:
        values = [numbering(image) for image in stack]
        if None in values or len(set(values)) < 2:
            continue
        groups = _group_slices(stack, values)
        if sum(map(_count_repetitions, groups)) == repetitions:
            return [repeat for group in groups for repeat in _split_repeats(group)]
    return _split_in_instance_order(stack)


def _split_in_instance_order(stack: list[Slice]) -> list[list[Slice]]:
    """Deal complete sets of positions out in the order of their instances."""
    positions = _number_positions(stack)
    numbers = {(image.order[0], image.frame.frame_number) for image in stack}
    complete = len(set(Counter(positions).values())) == 1
    if not complete or len(numbers) < len(stack) or math.inf in {n for n, _ in numbers}:
        return [stack]
    counts: Counter[int] = Counter()
    turns = []
    for position in positions:  # slices come in their order, see slices_of
        turns.append(counts[position])
        counts[position] += 1
    return _group_slices(stack, turns)

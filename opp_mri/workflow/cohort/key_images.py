"""The key images of a lesion: what each visit shows at its place, along confirmed fits alone."""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Final

import numpy as np
from attrs import evolve, field, frozen
from numpy.typing import NDArray

from opp_mri.cohort.figures.key_strip import KeyImage, KeyPanel, KeyStrip
from opp_mri.dicom.volume import load_stack
from opp_mri.domain.assessment import Assessment
from opp_mri.domain.geometry import Vector3
from opp_mri.domain.imaging import SeriesRole, VolumeDescription
from opp_mri.domain.measurement import Answer, Caliper, LengthSource, Reading
from opp_mri.errors import InputError, OppMriError, UnknownError
from opp_mri.registration.key_image import (
    Directions,
    carry_directions,
    find_shown_square,
    find_upright_directions,
    sample_shown_image,
)
from opp_mri.response.lack import describe_lacks
from opp_mri.response.sentences import CATEGORY_WORDS, SHORT_WORDS, describe_reason
from opp_mri.store.protocol import Store
from opp_mri.units import weeks_from_days
from opp_mri.workflow.assessing.respond import ProjectLesion
from opp_mri.workflow.catalogue.patients import map_patients
from opp_mri.workflow.measuring.blinding import read_blinding
from opp_mri.workflow.measuring.cells import Cell, CellStatus
from opp_mri.workflow.measuring.seeds import Phase, covers, find_lesion_seed_lps_mm
from opp_mri.workflow.measuring.suitability import OVERRIDDEN
from opp_mri.workflow.registration.links import Links, find_links

SIDE_MM: Final = 80.0  # the treated vertebra with both neighbours
QUANTILES: Final = (0.01, 0.99)
BASELINE: Final = "baseline"
NOT_CONFIRMED: Final = (
    "No picture: no confirmed fit to the baseline. `opp-mri align`, then `opp-mri review`."
)
NO_PLACE: Final = "No picture: the lesion has neither a seed point nor a caliper at baseline."
UNREADABLE: Final = "No picture: the image files cannot be read."
GONE_FROM_PROJECT: Final = "No picture: its images are no longer in the project."
TOO_FAR: Final = "the line lies outside this picture"

WITHOUT_IMAGE: Final[Mapping[CellStatus, str]] = {
    CellStatus.MISSING: "No series of this sequence.",
    CellStatus.NOT_COVERED: "The series does not cover the lesion.",
    CellStatus.IN_DOUBT: "It is in doubt which series has this role.",
    CellStatus.NO_MR: "The study holds no MR images.",
}
ANSWERS: Final[Mapping[CellStatus, str]] = {
    CellStatus.GONE: "gone",
    CellStatus.NOT_MEASURABLE: "not measurable",
    CellStatus.VOLUME_DRAWN: "no length",
    CellStatus.UNREAD: "not read",
}
SOURCES: Final[Mapping[LengthSource, str]] = {
    LengthSource.IMPORTED: "imported, without a line",
    LengthSource.MEAN: "mean of two readers",
}


@frozen(kw_only=True, eq=False)
class _Place:
    """The place of a lesion, and the orientation of its first picture on the screen."""

    frame_of_reference_uid: str
    point_lps_mm: Vector3
    directions: Directions
    links: Links = field(repr=False)


def strip_sequence(lesion: ProjectLesion) -> SeriesRole:
    """Return the sequence whose pictures tell most: the deciding one, or the first that was read.

    Raises
    ------
    UnknownError
        No visit has images of any sequence.
    """
    deciding_sequence = lesion.assessment.deciding_sequence
    if deciding_sequence is not None:
        return deciding_sequence
    cells = lesion.cells
    first = next((cell.sequence for cell in cells if cell.reading is not None), None)
    first = first or next((cell.sequence for cell in cells if cell.volume is not None), None)
    if first is None:
        raise UnknownError("No visit of this lesion has images: index their folder first.")
    return first


def draw_key_strip(
    store: Store,
    lesion: ProjectLesion,
    sequence: SeriesRole | None = None,
    *,
    category: str | None = None,
    drafts: frozenset[str] = frozenset(),
    with_labels: bool = True,
) -> KeyStrip:
    """Gather the key images of a lesion on one sequence, a panel for each visit.

    The image of a visit is the native slice that its caliper lies on, or else the one nearest to
    the lesion. It is shown only where the lesion's place is known: in the frame of reference of its
    seed, and through fits that a reader has confirmed. Any other visit says in words why not.

    Parameters
    ----------
    sequence
        None for the deciding one.
    category
        What the lesion is called, in words; None for what its assessment says.
    drafts
        Ids of readings that no signature covers.
    with_labels
        Whether each follow-up says what the lesion was called, as known on that day.

    Raises
    ------
    InputError
        This is a reader's blinded package, in which no time point is compared with another.
    UnknownError
        No visit has a series of the sequence.
    """
    if read_blinding(store) is not None:
        raise InputError(
            "This is a blinded package: key images show visits next to each other, with weeks and "
            "lengths. They are drawn in the project, once the blinding is lifted."
        )
    sequence = sequence or strip_sequence(lesion)
    cells = [cell for cell in lesion.cells if cell.sequence is sequence]
    if not cells:
        raise UnknownError(
            f"No visit of this lesion has a series of {sequence.value}: choose another sequence."
        )
    labels = {}
    if with_labels:
        labels = {label.days_from_ssrs: SHORT_WORDS[label.category] for label in lesion.labels}
    place = _find_place(store, lesion, cells)
    return KeyStrip(
        lesion_id=lesion.lesion.lesion_id,
        patient_id=lesion.lesion.patient_id,
        level=lesion.lesion.level,
        sequence=sequence,
        reader=lesion.reader,
        category=describe_category(lesion) if category is None else category,
        panels=tuple(
            _build_panel(store, cell, place, _label(cell, lesion.assessment, labels), drafts)
            for cell in cells
        ),
        technique=tuple(_describe_technique(cells)),
    )


def describe_category(lesion: ProjectLesion) -> str:
    """Describe what a lesion is called, by which rule and criteria, and what to beware of."""
    assessment = lesion.assessment
    if not lesion.is_measured:
        return " ".join(("No category.", *describe_lacks([lesion.timeline], assessment.criteria)))
    beware = [f"cautions: {len(lesion.cautions)}"] if lesion.cautions else []
    beware += ["fragile"] if lesion.is_fragile else []
    beware += ["sequences discordant"] if assessment.discordant else []
    rule = describe_reason(assessment.reason, assessment.criteria)
    criteria = f"{assessment.criteria.name}, {assessment.mode.value}"
    ending = f" {'; '.join(beware).capitalize()}." if beware else ""
    return f"{CATEGORY_WORDS[assessment.category]}: {rule} ({criteria}).{ending}"


def _describe_technique(cells: Iterable[Cell]) -> Iterator[str]:
    """Describe what differs from the baseline's acquisition, each sentence once with its visits."""
    weeks: dict[str, list[str]] = {}
    for cell in cells:
        own = cell.reading.remarks if cell.reading else ()
        for flag in dict.fromkeys(cell.flags):
            if flag not in own:
                weeks.setdefault(flag, []).append(f"{weeks_from_days(cell.days_from_ssrs):+.1f}")
    for flag, visits in weeks.items():
        yield f"Against the baseline: {flag.rstrip('.')} (weeks {', '.join(visits)})."


def _label(cell: Cell, assessment: Assessment, labels: Mapping[int, str]) -> str:
    course = assessment.sequences.get(cell.sequence)
    if course is not None and course.baseline_day == cell.days_from_ssrs:
        return BASELINE
    if cell.phase is Phase.DURING:
        return "within the treatment: does not count"
    if cell.phase is Phase.AFTER and cell.days_from_ssrs in labels:
        return f"as known then: {labels[cell.days_from_ssrs]}"
    return ""


def _find_place(store: Store, lesion: ProjectLesion, cells: Iterable[Cell]) -> _Place | None:
    seed = find_lesion_seed_lps_mm(store, lesion.lesion)
    if seed is None:
        return None
    frame, point = seed
    links = find_links(store, map_patients(store).group(lesion.lesion.patient_id), lesion.lesion)
    for cell in cells:
        plane = cell.volume.planes[0] if cell.volume and cell.volume.planes else None
        back = plane and links.find_carrying(frame, plane.frame_of_reference_uid)
        if plane is not None and back:
            turn = back.matrix[:3, :3]
            right, down = (
                _convert_to_vector(turn @ np.asarray(along))
                for along in find_upright_directions(plane)
            )
            return _Place(
                frame_of_reference_uid=frame, point_lps_mm=point, directions=(right, down),
                links=links,
            )  # fmt: skip
    return None


def _build_panel(
    store: Store, cell: Cell, place: _Place | None, label: str, drafts: frozenset[str]
) -> KeyPanel:
    reading = cell.reading
    panel = KeyPanel(
        study_date=cell.study_date,
        days_from_ssrs=cell.days_from_ssrs,
        length_mm=_get_length(reading),
        answer=_describe_answer(cell, drafts),
        label=label,
    )
    if cell.volume is None:
        status_reason = WITHOUT_IMAGE.get(cell.status)
        return evolve(panel, reason=status_reason or GONE_FROM_PROJECT)
    if place is None:
        return evolve(panel, reason=NO_PLACE)
    try:
        image = _build_image(store, cell.volume, reading.caliper if reading else None, place)
    except OppMriError:
        return evolve(panel, reason=UNREADABLE)
    if isinstance(image, str):
        return evolve(panel, reason=image)
    if _is_outside(image):
        answer = " · ".join(part for part in (panel.answer, TOO_FAR) if part)
        panel = evolve(panel, answer=answer)
    return evolve(panel, image=image)


def _get_length(reading: Reading | None) -> Decimal | None:
    return reading.length_mm if reading and reading.answer is Answer.MEASURED else None


def _describe_answer(cell: Cell, drafts: frozenset[str]) -> str:
    reading = cell.reading
    words = [ANSWERS.get(cell.status, "")]
    if reading is not None:
        source = reading.length_source
        words.append(SOURCES.get(source, "") if source else "")
        is_overridden = any(remark.startswith(OVERRIDDEN) for remark in reading.remarks)
        words.append("by override" if is_overridden else "")
        words.append("draft" if reading.reading_id in drafts else "")
    return " · ".join(word for word in words if word)


def _build_image(
    store: Store, volume: VolumeDescription, caliper: Caliper | None, place: _Place
) -> KeyImage | str:
    """Return the picture of a volume at the lesion, or the reason why there is none."""
    if not volume.planes:
        return volume.refusal or UNREADABLE
    frame = volume.planes[0].frame_of_reference_uid
    transform = place.links.find_carrying(frame, place.frame_of_reference_uid)
    if transform is None:
        return NOT_CONFIRMED
    point = _convert_to_vector(transform.apply(np.asarray(place.point_lps_mm)))
    number = _find_slice(volume, caliper)
    if number is None:
        caliper = None
        if covers(volume, {frame: point}) is False:
            return WITHOUT_IMAGE[CellStatus.NOT_COVERED]
        off_mm = [abs(plane.measure_distance_mm(point)) for plane in volume.planes]
        number = off_mm.index(min(off_mm))
    plane = volume.planes[number]
    square = find_shown_square(
        plane, point, carry_directions(place.directions, transform, plane), SIDE_MM
    )
    values = sample_shown_image(_read_native(store, volume, number), plane, square)
    line = None
    if caliper is not None:
        ends = (plane.lps_from_pixel(*caliper.start), plane.lps_from_pixel(*caliper.end))
        line = (square.project(ends[0]), square.project(ends[1]))
    return KeyImage(grey=_apply_window(values), side_mm=SIDE_MM, line=line, letters=square.letters)


def _find_slice(volume: VolumeDescription, caliper: Caliper | None) -> int | None:
    if caliper is None:
        return None
    places = [(frame.sop_instance_uid, frame.frame_number) for frame in volume.frames]
    caliper_frame = (caliper.sop_instance_uid, caliper.frame_number)
    return places.index(caliper_frame) if caliper_frame in places else None


def _read_native(store: Store, volume: VolumeDescription, number: int) -> NDArray[np.generic]:
    """Read one image of a volume alone."""
    frame, plane = volume.frames[number], volume.planes[number]
    alone = evolve(volume, frames=(frame,), planes=(plane,))
    images: NDArray[np.generic] = load_stack(alone, store.get_sources_of([frame.sop_instance_uid]))
    image: NDArray[np.generic] = images[0]
    return image


def _apply_window(values: NDArray[np.float32]) -> NDArray[np.float32]:
    finite_values = values[np.isfinite(values)]
    if finite_values.size == 0:
        return values
    low, high = (float(x) for x in np.quantile(finite_values, QUANTILES))
    grey: NDArray[np.float32] = np.clip((values - low) / max(high - low, 1e-6), 0, 1)
    return grey


def _is_outside(image: KeyImage) -> bool:
    if image.line is None:
        return False
    return any(not 0 <= mm <= image.side_mm for point in image.line for mm in point)


def _convert_to_vector(values: NDArray[np.float64]) -> Vector3:
    x, y, z = (float(value) for value in values)
    return (x, y, z)

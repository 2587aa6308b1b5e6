"""One direction: where a neighbourhood of one image lies in another, and where else it might."""

from collections.abc import Sequence
from functools import cached_property
from typing import Final

import numpy as np
from attrs import evolve, field, frozen

from opp_mri.domain.geometry import FloatArray, Volume
from opp_mri.registration.layers import DETAIL_WINDOW_MM, Layer, find_box, make_layer
from opp_mri.registration.refine import correlate_all, refine, refine_all
from opp_mri.registration.search import APART_MM, count_cells, search, transform_images
from opp_mri.registration.template import Template, make_template

COARSE_MM: Final = 5.6
MIDDLE_MM: Final = 2.8
FINE_MM: Final = 1.4
COARSE_WINDOW_MM: Final = 14.0  # a body and its disc: what lies in front of them does not decide
MIDDLE_WINDOW_MM: Final = 8.0
COARSE_STEPS: Final = 4
ROUGH_STEPS: Final = 5
MIDDLE_STEPS: Final = 8
FINE_STEPS: Final = 10
STRICT_STEPS: Final = 6
COARSE_THINNED: Final = 3
ROUGH_THINNED: Final = 11  # one point of so many is enough to drop the worst places
THINNED: Final = 5  # ... and to choose between those that are left; not divisors of rows
FINE_THINNED: Final = 2
PLACES: Final = 12  # on fat-suppressed images of treated marrow the right one may be the tenth
KEPT_PLACES: Final = 4
LEAST_OVERLAP: Final = 0.5  # a place that lies half outside is not a rival
CUT_MARGIN_MM: Final = 14.0  # around a box, so that its border is normalised as its middle
REUSED_WITHIN_MM: Final = 7.0  # a part that was cut this near serves as well

Half = tuple[float, float, float]


@frozen(kw_only=True)
class Region:
    """How much of the image around a centre is compared: half sizes along k, j, i in mm.

    Parameters
    ----------
    wide
        For the search: two vertebrae and more to each side, as the sequence of levels determines.
    level
        For choosing between places, as long, and as deep as bodies and posterior elements: bowel
        and vessels change between visits.
    detail
        For telling one level from another: about three vertebrae.
    fine
        For the last step: the vertebra itself, as neighbours move on their own.
    cut
        What is prepared at the fine scale at once: the boxes above that need it, at this level and
        the next.
    """

    wide: Half
    level: Half
    detail: Half
    fine: Half
    cut: Half


VERTEBRA: Final = Region(
    wide=(22.0, 60.0, 45.0),
    level=(25.0, 60.0, 28.0),
    detail=(25.0, 45.0, 28.0),
    fine=(22.0, 20.0, 30.0),
    cut=(25.0, 75.0, 30.0),
)
WHOLE: Final = Region(
    wide=(24.0, 100.0, 70.0),
    level=(25.0, 90.0, 50.0),
    detail=(25.0, 90.0, 50.0),
    fine=(22.0, 60.0, 40.0),
    cut=(25.0, 90.0, 50.0),
)


# a body with its arch and both endplates, for evidence of identity
IDENTITY: Final = (22.0, 16.0, 26.0)
LEAST_IDENTITY_OVERLAP: Final = 0.8


@frozen(kw_only=True, eq=False, slots=False)
class View:
    """A volume as the registration looks at it, prepared once for both directions."""

    volume: Volume = field(repr=False)
    _cut: list[tuple[FloatArray, Half, Layer]] = field(init=False, factory=list, repr=False)

    @cached_property
    def coarse(self) -> Layer:
        """All of it, for the search."""
        return make_layer(self.volume, COARSE_MM, None, COARSE_WINDOW_MM, is_compressed=True)

    @cached_property
    def middle(self) -> Layer:
        """All of it, for choosing between places."""
        return make_layer(self.volume, MIDDLE_MM, None, MIDDLE_WINDOW_MM, is_compressed=True)

    def cut_fine_layer(self, centre_lps_mm: FloatArray, region: Region) -> Layer:
        """Return the part around a point with shapes of a few millimetres."""
        for centre, half, layer in self._cut:
            near = np.linalg.norm(centre - centre_lps_mm) <= REUSED_WITHIN_MM
            if near and half == region.cut:
                return layer
        box = find_box(self.volume.geometry, centre_lps_mm, _widen(region.cut))
        layer = make_layer(self.volume, FINE_MM, box, DETAIL_WINDOW_MM, is_compressed=True)
        self._cut.append((centre_lps_mm, region.cut, layer))
        return layer


@frozen(kw_only=True, eq=False)
class Question:
    """A neighbourhood of one visit that is looked for in another.

    Parameters
    ----------
    fixed, moving
        The images, a sequence each, in the same order. Those of a visit share their frame.
    centre
        Middle of the neighbourhood, LPS mm of the fixed images.
    region, hole_mm
        How far it reaches, and the radius around the centre that is left out: the lesion.
    """

    fixed: tuple[View, ...]
    moving: tuple[View, ...]
    centre: FloatArray
    region: Region
    hole_mm: float

    def reverse(self, moving_from_fixed: FloatArray) -> "Question":
        """Return the question from the other side, around where the centre lies there."""
        centre = (moving_from_fixed @ np.append(self.centre, 1.0))[:3]
        return evolve(self, fixed=self.moving, moving=self.fixed, centre=centre)

    def select(self, indices: Sequence[int]) -> "Question":
        """Return the question of some of the sequences."""
        return evolve(
            self,
            fixed=tuple(self.fixed[index] for index in indices),
            moving=tuple(self.moving[index] for index in indices),
        )


@frozen(kw_only=True, eq=False)
class Candidate:
    """One place in the moving image.

    Parameters
    ----------
    moving_from_fixed
        Shape (4, 4).
    similarity, overlap
        At the middle scale.
    """

    moving_from_fixed: FloatArray
    similarity: float
    overlap: float

    def map_point(self, point_lps_mm: FloatArray) -> FloatArray:
        """Return where a point of the fixed image lies in the moving one."""
        mapped_lps_mm: FloatArray = (self.moving_from_fixed @ np.append(point_lps_mm, 1.0))[:3]
        return mapped_lps_mm


@frozen(kw_only=True, eq=False)
class FitEstimate:
    """One direction's answer: the best place, refined, and its rivals.

    Parameters
    ----------
    best
        The most similar place; its matrix is the fine one.
    rivals
        The rest, at least `APART_MM` from the best at the centre, best first.
    """

    best: Candidate
    rivals: tuple[Candidate, ...]


def estimate(question: Question, turns: Sequence[FloatArray]) -> FitEstimate | None:
    """Find a neighbourhood of the fixed images in the moving ones.

    Parameters
    ----------
    question
        The images and the neighbourhood.
    turns
        Rotations to start from.

    Returns
    -------
    FitEstimate or None
        None where nothing is alike at all.
    """
    places = _search_places(question, turns)
    if not len(places):
        return None
    centre, region, hole_mm = question.centre, question.region, question.hole_mm
    images = [view.middle for view in question.moving]
    level = [make_template(view.middle, centre, region.level, hole_mm) for view in question.fixed]
    rough = _thin(level, ROUGH_THINNED)
    starts = refine_all(rough, images, places, ROUGH_STEPS)
    fits = [alike * overlap for alike, overlap in correlate_all(rough, images, starts)]
    starts = starts[np.argsort(fits)[::-1][:KEPT_PLACES]]
    thin_templates = _thin(level, THINNED)
    moving_from_fixed = refine_all(thin_templates, images, starts, MIDDLE_STEPS)
    candidates = [
        Candidate(moving_from_fixed=place, similarity=similarity, overlap=overlap)
        for place, (similarity, overlap) in zip(
            moving_from_fixed, correlate_all(thin_templates, images, moving_from_fixed), strict=True
        )
    ]
    best = max(candidates, key=lambda candidate: candidate.similarity * candidate.overlap)
    rivals = [
        candidate
        for candidate in candidates
        if np.linalg.norm(candidate.map_point(centre) - best.map_point(centre)) >= APART_MM
    ]
    rivals.sort(key=lambda candidate: -candidate.similarity)
    return FitEstimate(best=best, rivals=tuple(rivals))


def polish(question: Question, start: FloatArray, *, turning: bool = True) -> FloatArray:
    """Do the last steps on the vertebra itself: (4, 4), moving from fixed.

    Parameters
    ----------
    turning
        Whether the rotation is estimated; or else it stays that of the start.
    """
    centre, region = question.centre, question.region
    templates = [
        make_template(view.cut_fine_layer(centre, region), centre, region.fine, question.hole_mm)
        for view in question.fixed
    ]
    if not turning:
        templates = [template.restrict_to_shifts() for template in templates]
    moved_centre = (start @ np.append(centre, 1.0))[:3]
    images = [view.cut_fine_layer(moved_centre, region) for view in question.moving]
    moving_from_fixed = refine(_thin(templates, THINNED), images, start, FINE_STEPS)
    if len(templates) > 1:
        # a patient moves between sequences: the last steps are those of each alone
        return moving_from_fixed
    return refine(
        _thin(templates, FINE_THINNED), images, moving_from_fixed, STRICT_STEPS, strict=True
    )


def _search_places(question: Question, turns: Sequence[FloatArray]) -> FloatArray:
    """Search all of the moving images, and refine the places at the coarse scale: (n, 4, 4)."""
    centre, region = question.centre, question.region
    images = [view.coarse for view in question.moving]
    fixed = [view.coarse for view in question.fixed]
    spectrum = transform_images(images, count_cells(region.wide))
    places = search(fixed, centre, region.wide, spectrum, turns, PLACES)
    if not places:
        return np.empty((0, 4, 4))
    whole = [make_template(layer, centre, region.wide, question.hole_mm) for layer in fixed]
    starts = np.array([place.image_from_template for place in places])
    return refine_all(_thin(whole, COARSE_THINNED), images, starts, COARSE_STEPS)


def _thin(templates: Sequence[Template], step: int) -> list[Template]:
    return [template.thin(step) for template in templates]


def _widen(half: Half) -> Half:
    """Return a box with room for a turn, and for the windows at its border."""
    k, j, i = (length_mm + CUT_MARGIN_MM for length_mm in half)
    return k, j, i

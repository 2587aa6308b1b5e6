"""One direction: where a neighbourhood of one image lies in another, and where else it might."""

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from attrs import evolve, field, frozen

from opp_mri.domain.geometry import FloatArray, Volume
from opp_mri.registration.layers import DETAIL_WINDOW_MM, Layer, box_around, layer
from opp_mri.registration.refine import make_template, refine, similarity
from opp_mri.registration.search import APART_MM, Spectrum, search, spectrum, template_cells

COARSE_MM, MIDDLE_MM, FINE_MM = 5.6, 2.8, 1.4
COARSE_STEPS, MIDDLE_STEPS, FINE_STEPS, STRICT_STEPS = 5, 12, 10, 3
THINNED = 5  # one point of so many is enough to choose between places; not a divisor of rows
FINE_THINNED = 2
PLACES = 5  # two levels up, two down, and the right one
LEAST_OVERLAP = 0.5  # a place that lies half outside is no rival
FINE_MARGIN_MM = 14.0  # around the box, so that its border is normalised as its middle

Half = tuple[float, float, float]


@frozen(kw_only=True)
class Region:
    """How much of the image around a centre is compared: half sizes along k, j, i in mm.

    Parameters
    ----------
    wide
        For the search: two vertebrae and more to each side, as the sequence of levels tells.
    middle
        For telling one level from another: about three vertebrae.
    fine
        For the last step: the vertebra itself, as neighbours move on their own.
    """

    wide: Half
    middle: Half
    fine: Half


VERTEBRA = Region(wide=(22.0, 60.0, 45.0), middle=(25.0, 45.0, 38.0), fine=(22.0, 20.0, 30.0))
WHOLE = Region(wide=(24.0, 100.0, 70.0), middle=(25.0, 90.0, 50.0), fine=(22.0, 60.0, 40.0))


@frozen(kw_only=True, eq=False, slots=False)
class View:
    """A volume as the registration looks at it, prepared once for both directions."""

    volume: Volume = field(repr=False)

    @cached_property
    def coarse(self) -> Layer:
        """All of it, for the search."""
        return layer(self.volume, COARSE_MM)

    @cached_property
    def middle(self) -> Layer:
        """All of it, for telling levels apart."""
        return layer(self.volume, MIDDLE_MM)

    def fine(self, centre_lps_mm: FloatArray, region: Region) -> Layer:
        """Give the part around a point, for the last step."""
        box = box_around(self.volume.geometry, centre_lps_mm, _wider(region.fine))
        return layer(self.volume, FINE_MM, box)

    def detail(self, centre_lps_mm: FloatArray, region: Region) -> Layer:
        """Give the part around a point with shapes of some millimetres only, to compare levels."""
        box = box_around(self.volume.geometry, centre_lps_mm, _wider(region.middle))
        return layer(self.volume, FINE_MM, box, DETAIL_WINDOW_MM)

    def spectrum(self, region: Region) -> Spectrum:
        """Give all of it, transformed for a search for a part of another image."""
        return spectrum(self.coarse, template_cells(region.wide))


@frozen(kw_only=True, eq=False)
class Question:
    """A neighbourhood of one image that is looked for in another.

    Parameters
    ----------
    fixed, moving
        The images.
    centre
        Middle of the neighbourhood, LPS mm of the fixed image.
    region, hole_mm
        How far it reaches, and the radius around the centre that is left out: the lesion.
    """

    fixed: View
    moving: View
    centre: FloatArray
    region: Region
    hole_mm: float

    def asked_back(self, moving_from_fixed: FloatArray) -> "Question":
        """Give the question from the other side, around where the centre was found."""
        there = (moving_from_fixed @ np.append(self.centre, 1.0))[:3]
        return evolve(self, fixed=self.moving, moving=self.fixed, centre=there)


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

    def lays(self, point_lps_mm: FloatArray) -> FloatArray:
        """Give where a point of the fixed image lies in the moving one."""
        placed: FloatArray = (self.moving_from_fixed @ np.append(point_lps_mm, 1.0))[:3]
        return placed


@frozen(kw_only=True, eq=False)
class Estimate:
    """One direction's answer: the best place, refined, and the others that were tried.

    Parameters
    ----------
    best
        The most similar place; its matrix is the fine one.
    others
        The rest, at least `APART_MM` from the best at the centre, best first.
    """

    best: Candidate
    others: tuple[Candidate, ...]


def estimate(question: Question, turns: Sequence[FloatArray]) -> Estimate | None:
    """Find a neighbourhood of the fixed image in the moving one.

    Parameters
    ----------
    question
        What is looked for, and where.
    turns
        Rotations to start from.

    Returns
    -------
    Estimate or None
        None where nothing is alike at all.
    """
    fixed, moving, centre = question.fixed, question.moving, question.centre
    region, hole_mm = question.region, question.hole_mm
    places = search(fixed.coarse, centre, region.wide, moving.spectrum(region), turns, PLACES)
    coarse = make_template(fixed.coarse, centre, region.wide, hole_mm)
    middle = make_template(fixed.middle, centre, region.middle, hole_mm)
    rough = middle.thin(THINNED)
    tried = []
    for place in places:
        start = refine(coarse, moving.coarse, place.image_from_template, COARSE_STEPS)
        placed = refine(rough, moving.middle, start, MIDDLE_STEPS)
        alike, overlap = similarity(middle, moving.middle, placed)
        tried.append(Candidate(moving_from_fixed=placed, similarity=alike, overlap=overlap))
    if not tried:
        return None
    best = max(tried, key=lambda each: each.similarity * each.overlap)
    others = [
        each for each in tried if np.linalg.norm(each.lays(centre) - best.lays(centre)) >= APART_MM
    ]
    others.sort(key=lambda each: -each.similarity)
    return Estimate(best=best, others=tuple(others))


def polish(question: Question, start: FloatArray) -> FloatArray:
    """Do the last steps on the vertebra itself: (4, 4), moving from fixed."""
    centre, region = question.centre, question.region
    template = make_template(
        question.fixed.fine(centre, region), centre, region.fine, question.hole_mm
    )
    image = question.moving.fine((start @ np.append(centre, 1.0))[:3], region)
    placed = refine(template.thin(THINNED), image, start, FINE_STEPS)
    return refine(template.thin(FINE_THINNED), image, placed, STRICT_STEPS, strict=True)


def _wider(half: Half) -> Half:
    """Give a box with room for a turn, and for the windows at its border."""
    k, j, i = (each + FINE_MARGIN_MM for each in half)
    return k, j, i

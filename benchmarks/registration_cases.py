"""The cases of benchmarks/registration.py: what is run on one pair or visit, and what is recorded.

A case names its phantom by number, so that it runs in any process; phantoms are read from the cache
of `registration_sets`. What a case found is a list of records, plain dictionaries.
"""

import functools
import itertools
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import registration_phantoms as phantoms
from attrs import frozen
from registration_sets import (
    ANATOMIES,
    ARTEFACTS,
    DARK_ANATOMIES,
    HARD,
    REAL_FIRST_T1,
    REAL_SECOND_T1,
    SEQUENCES,
    STRANGER_ANATOMIES,
    T1,
    T2FS,
    Pair,
    artefact_scans,
    body,
    dark_body,
    dark_visits,
    easy_pairs,
    gone_pairs,
    hard_pairs,
    move_on_purpose,
    real_series,
    stranger_pairs,
    strangers,
)

from opp_mri.domain.geometry import FloatArray, Volume
from opp_mri.domain.registration import Fit
from opp_mri.domain.transform import RigidTransform
from opp_mri.registration.align import FIRST_TURNS, HOLE_MARGIN_MM, align, align_visit
from opp_mri.registration.directions import estimate_both_ways
from opp_mri.registration.estimate import VERTEBRA, Question, View
from opp_mri.registration.measure import measure_fit
from opp_mri.registration.second_opinion import add_second_opinion, ask_second_opinion

Record = dict[str, Any]

EASY_T1: Final = "Easy set, T1"
EASY_T2FS: Final = "Easy set, T2 with fat suppression"
HARD_T1: Final = "Hard set, T1"
DARK: Final = "Dark marrow without texture"
OPINION: Final = "The second opinion"
WRONG: Final = "Wrong on purpose"
GONE: Final = "The level is not in the follow-up"
STRANGERS: Final = "Another phantom patient"
ARTEFACT: Final = "Where the error comes from"
REAL_PAIR: Final = "The real pair"
REAL_MOVED: Final = "Real series moved on purpose"

WRONG_FITS: Final = 15  # of each pair of the easy and the hard set of T1: 3,000 in all
ARTEFACT_ANATOMIES: Final = 3
MOVES: Final = 15  # of each real series
PLACES_MM: Final = (60.0, 30.0, 0.0, -30.0, -60.0)  # along the real spine


@frozen(kw_only=True)
class Case:
    """One piece of work.

    Parameters
    ----------
    section
        Of the page.
    number
        Of the phantom, or of the move of a real series.
    index
        Of the pair or visit among those of the phantom.
    real
        Folder of the real series, where the case needs it.
    """

    section: str
    number: int
    index: int
    real: Path | None = None

    @property
    def key(self) -> str:
        """Name in the file of records."""
        return f"{self.section}|{self.number}|{self.index}"


def list_round(number: int, real: Path | None) -> list[Case]:
    """List the cases of one phantom of each set, in turn: each set has its share at any time."""
    counts = [
        (EASY_T1, 10, ANATOMIES),
        (DARK, 6, DARK_ANATOMIES),
        (HARD_T1, len(HARD), ANATOMIES),
        (REAL_PAIR, 2 * len(PLACES_MM) + 3 if real else 0, 1),
        (REAL_MOVED, 4 if real else 0, MOVES),
        (STRANGERS, 30, STRANGER_ANATOMIES),
        (EASY_T2FS, 10, ANATOMIES),
        (WRONG, 10 + len(HARD), ANATOMIES),
        (GONE, 10, ANATOMIES),
        (OPINION, 4, ANATOMIES),
        (ARTEFACT, len(ARTEFACTS) * 3, ARTEFACT_ANATOMIES),
    ]
    cases = [
        Case(section=section, number=number, index=index, real=real)
        for section, count, most in counts
        for index in range(count if number < most else 0)
    ]
    return sorted(cases, key=lambda case: case.index)


def run_case(case: Case) -> list[Record]:
    """Run a case and return what it found, each record with the case's key."""
    records = RUNNERS[case.section](case)
    return [{"case": case.key, "section": case.section, "method": "ours"} | r for r in records]


def get_pairs(section: str, number: int) -> list[Pair]:
    """Return the pairs of one phantom in a set, as the peers get them too."""
    if section == HARD_T1:
        return hard_pairs([_body(number)])
    if section == GONE:
        return gone_pairs([_body(number)])
    if section == STRANGERS:
        return stranger_pairs([strangers(number)])
    if section == DARK:
        return [pair for visit in dark_visits([dark_body(number)]) for pair in visit]
    return easy_pairs([_body(number)], T2FS if section == EASY_T2FS else T1)


_body = functools.lru_cache(maxsize=1)(body)
_get_pairs = functools.lru_cache(maxsize=2)(get_pairs)


@functools.lru_cache(maxsize=1)
def _get_real(folder: Path) -> dict[str, Volume]:
    return real_series(folder)


def describe_fit(fit: Fit) -> Record:
    """Return the numbers of a fit that the page shows."""
    return {
        "verdict": fit.verdict.value,
        "offset_mm": [round(x, 2) for x in fit.displacement_lps_mm],
        "rotation_deg": round(fit.rotation_deg, 2),
        "before": round(fit.similarity_before, 3),
        "similarity": round(fit.similarity, 3),
        "margin": None if fit.level_margin is None else round(fit.level_margin, 3),
        "consistency_mm": min(round(fit.inverse_consistency_mm, 3), 999.0),
        "blocks_mm": min(round(fit.block_residual_mm, 3), 999.0),
        "mismatch": None if fit.mismatch is None else round(fit.mismatch, 3),
        "advantage": None if fit.advantage is None else round(fit.advantage, 3),
        "sizes": [fit.size_along, fit.size_across],
        "correction_mm": fit.correction_mm,
        "reasons": list(fit.reasons),
    }


def measure_error(pair: Pair, followup_from_baseline: FloatArray) -> Record:
    """Return the errors at the landmarks, mm."""
    return {"tre_mm": [round(float(x), 4) for x in pair.tre_mm(followup_from_baseline)]}


def _describe(pair: Pair, fit: Fit, seconds: float) -> Record:
    matrix = fit.baseline_from_followup.invert().matrix
    return (
        {"name": pair.name, "seconds": round(seconds, 3)}
        | measure_error(pair, matrix)
        | describe_fit(fit)
    )


def _align(pair: Pair) -> tuple[Fit, float]:
    start = time.process_time()
    fit = align(
        pair.baseline.volume,
        pair.followup.volume,
        centre_lps_mm=pair.baseline.centre_lps_mm,
        lesion_radius_mm=pair.baseline.shape.ap_mm / 2,
    )
    return fit, time.process_time() - start


def _run_pair(case: Case) -> list[Record]:
    pair = _get_pairs(case.section, case.number)[case.index]
    return [_describe(pair, *_align(pair))]


def _run_gone(case: Case) -> list[Record]:
    """Look for a vertebra that the follow-up does not show."""
    fit, _ = _align(_get_pairs(case.section, case.number)[case.index])
    return [describe_fit(fit)]


def _run_dark(case: Case) -> list[Record]:
    """Register each sequence of a visit alone, and all together."""
    pairs = _get_pairs(DARK, case.number)[case.index * len(SEQUENCES) :][: len(SEQUENCES)]
    alone = [_describe(pair, *_align(pair)) | {"how": "alone"} for pair in pairs]
    first = pairs[0].baseline
    start = time.process_time()
    fits = align_visit(
        [(pair.baseline.volume, pair.followup.volume) for pair in pairs],
        centre_lps_mm=first.centre_lps_mm,
        lesion_radius_mm=first.shape.ap_mm / 2,
    )
    seconds = time.process_time() - start
    together = [
        _describe(pair, fit, seconds) | {"how": "in its visit"}
        for pair, fit in zip(pairs, fits, strict=True)
    ]
    return [*alone, *together]


def _run_opinion(case: Case) -> list[Record]:
    """Ask for the second opinion on every third pair of the easy set."""
    pair = _get_pairs(EASY_T1, case.number)[case.index * 3]
    fit, _ = _align(pair)
    start = time.process_time()
    opinion = ask_second_opinion(
        pair.baseline.volume, pair.followup.volume, fit, pair.baseline.shape.ap_mm / 2
    )
    seconds = time.process_time() - start
    after = add_second_opinion(fit, opinion)
    return [
        {
            "seconds": round(seconds, 3),
            "away_mm": after.second_opinion_mm,
            "before": fit.verdict.value,
            "after": after.verdict.value,
        }
    ]


def _run_wrong(case: Case) -> list[Record]:
    """Judge wrong fits of a pair; the search, which does not depend on them, is made once."""
    easy, index = case.index < 10, case.index % 10
    pair = _get_pairs(EASY_T1 if easy else HARD_T1, case.number)[index]
    question = Question(
        fixed=(View(volume=pair.baseline.volume),),
        moving=(View(volume=pair.followup.volume),),
        centre=np.array(pair.baseline.centre_lps_mm),
        region=VERTEBRA,
        hole_mm=pair.baseline.shape.ap_mm / 2 + HOLE_MARGIN_MM,
    )
    estimates = estimate_both_ways(question, FIRST_TURNS)
    assert estimates is not None
    return [
        {"kind": kind}
        | describe_fit(measure_fit(question, estimates, matrix))
        | measure_error(pair, matrix)
        for kind, matrix in make_wrong_fits(pair, WRONG_FITS, 100 * case.number + case.index)
    ]


def make_wrong_fits(pair: Pair, count: int, seed: int) -> list[tuple[str, FloatArray]]:
    """Make fits that are wrong at the lesion by more than 2 mm, or a level off."""
    rng = np.random.default_rng(seed)
    centre = np.append(pair.baseline.centre_lps_mm, 1.0)
    named_starts: list[tuple[str, FloatArray]] = []
    vertebra = pair.baseline.shape.vertebra
    levels = len(pair.baseline.posture.spine.vertebrae)
    for level in (vertebra - 2, vertebra - 1, vertebra + 1, vertebra + 2):
        if 0 <= level < levels:
            posture = pair.followup.posture.lps_from_local[level]
            own = np.linalg.inv(pair.baseline.posture.lps_from_local[vertebra])
            named_starts.append(
                ("a level off" if abs(level - vertebra) == 1 else "two off", posture @ own)
            )
    while len(named_starts) < count:
        kind = ("2 to 3 mm off", "left-right only", "3 to 20 mm off", "turned")[
            len(named_starts) % 4
        ]
        shift = rng.normal(size=3)
        turn = np.zeros(3)
        if kind == "left-right only":
            shift = np.array([np.sign(shift[0]), 0.0, 0.0])
        far = rng.uniform(3, 20) if kind == "3 to 20 mm off" else rng.uniform(2.02, 3)
        shift *= far / np.linalg.norm(shift)
        if kind in ("turned", "3 to 20 mm off"):
            turn = rng.normal(size=3) * (6.0 if kind == "turned" else 2.0)
        target = pair.truth @ centre
        motion = phantoms.build_rigid(turn, np.zeros(3))
        motion[:3, 3] = target[:3] + shift - motion[:3, :3] @ target[:3]
        named_starts.append((kind, motion @ pair.truth))
    return named_starts[:count]


def _run_artefact(case: Case) -> list[Record]:
    """Register T1 of the easy set with one artefact, and keep the errors by direction."""
    name = list(ARTEFACTS)[case.index // 3]
    scans = artefact_scans(case.number, name)
    first, second = list(itertools.combinations(scans, 2))[case.index % 3]
    pair = Pair(name=name, baseline=first, followup=second)
    fit, seconds = _align(pair)
    errors = pair.errors_lps_mm(fit.baseline_from_followup.invert().matrix)
    return [
        _describe(pair, fit, seconds)
        | {"errors_mm": errors.round(4).tolist(), "rigid_mm": _list(pair.tre_mm(pair.best_rigid))}
    ]


def _list(values: FloatArray) -> list[float]:
    return [round(float(value), 4) for value in values]


def _run_real_pair(case: Case) -> list[Record]:
    """Register T1 of the real spine's two dates at five places, both ways, and as a whole."""
    assert case.real is not None
    series = _get_real(case.real)
    first, second = series[REAL_FIRST_T1], series[REAL_SECOND_T1]
    if case.index == 2 * len(PLACES_MM) + 2:
        fit = align(first, body(0).visits[0][T1].volume)
        return [{"name": "a phantom on the real baseline"} | describe_fit(fit)]
    way_back = case.index % 2 == 1
    if case.index >= 2 * len(PLACES_MM):
        fit = align(second, first) if way_back else align(first, second)
        name = "the same, from second to first" if way_back else "the common field of view"
        return [{"name": name} | describe_fit(fit)]
    up_mm = PLACES_MM[case.index // 2]
    middle = (np.array(first.geometry.shape_kji) - 1) / 2
    centre = first.geometry.lps_from_kji(middle) + np.array([0.0, 0.0, up_mm])
    fit = align(first, second, centre_lps_mm=_as_point(centre))
    if not way_back:
        return [{"name": f"{up_mm:+.0f} mm from the middle"} | describe_fit(fit)]
    point = fit.baseline_from_followup.invert().apply(centre)
    back = align(second, first, centre_lps_mm=_as_point(point))
    points = np.vstack([centre, centre + 15.0 * np.eye(3), centre - 15.0 * np.eye(3)])
    loop = _measure_loop(fit, back, points)
    return [{"name": "the same, from second to first", "loop_mm": loop} | describe_fit(back)]


def _measure_loop(forth: Fit, back: Fit, points: FloatArray) -> float:
    """Return how far points of the first date are carried by both fits, at most, mm."""
    on_second = forth.baseline_from_followup.invert().apply(points)
    returned_points = back.baseline_from_followup.invert().apply(on_second)
    return round(float(np.linalg.norm(returned_points - points, axis=1).max()), 3)


def _as_point(values: FloatArray) -> tuple[float, float, float]:
    x, y, z = values.tolist()
    return (x, y, z)


def _run_moved(case: Case) -> list[Record]:
    """Undo a motion of a real series: the error at the centre and 15 mm around it, at most."""
    assert case.real is not None
    series = _get_real(case.real)
    name = list(series)[case.index]
    moved_pair = move_on_purpose(name, series[name], 10 * case.number + len(name))
    geometry = moved_pair.baseline.geometry
    centre = geometry.lps_from_kji((np.array(geometry.shape_kji) - 1) / 2)
    fit = align(moved_pair.baseline, moved_pair.followup, centre_lps_mm=_as_point(centre))
    points = np.vstack([centre, centre + 15.0 * np.eye(3), centre - 15.0 * np.eye(3)])
    back = RigidTransform(
        to_frame_of_reference_uid=moved_pair.followup.geometry.frame_of_reference_uid,
        from_frame_of_reference_uid=geometry.frame_of_reference_uid,
        matrix=np.linalg.inv(moved_pair.truth),
    )
    errors = np.linalg.norm(fit.baseline_from_followup.apply(back.apply(points)) - points, axis=1)
    return [{"name": name, "error_mm": round(float(errors.max()), 3)} | describe_fit(fit)]


RUNNERS: Final = {
    EASY_T1: _run_pair,
    EASY_T2FS: _run_pair,
    HARD_T1: _run_pair,
    DARK: _run_dark,
    OPINION: _run_opinion,
    WRONG: _run_wrong,
    GONE: _run_gone,
    STRANGERS: _run_gone,
    ARTEFACT: _run_artefact,
    REAL_PAIR: _run_real_pair,
    REAL_MOVED: _run_moved,
}


def count_cases(section: str, real: Path | None) -> int:
    """Return how many cases a section has when all are run."""
    rounds = max(ANATOMIES, MOVES)
    cases: Sequence[Case] = [c for n in range(rounds) for c in list_round(n, real)]
    return sum(case.section == section for case in cases)

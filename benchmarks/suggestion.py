"""How well extents are proposed on phantoms that are harder than the demo's.

    python benchmarks/suggestion.py [--patients 2] [--page docs/reference/suggestion-measured.md]

Errors in mm against the truth on native slices, coverage of the 95% interval, abstentions and
time; ConfidenceConnected, Chan-Vese and random walker on the same clicks; and the precision of
snapped ends against the Cramer-Rao limit. The seeds were not used while the method was made.
"""

import argparse
import math
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import SimpleITK
from numpy.typing import NDArray
from scipy import ndimage
from scipy.special import ndtr
from skimage.segmentation import chan_vese, random_walker
from suggestion_phantoms import visits
from suggestion_pictures import Case, draw_calibration, draw_largest_errors

from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.proposal import Abstention, Proposal
from opp_mri.suggestion.edges import EdgePrior, fit_edge
from opp_mri.suggestion.images import (
    ApFrame,
    SequenceImage,
    build_ap_frame,
    compute_axis_mm,
    cut_patches,
)
from opp_mri.suggestion.propose import propose_visit

SEED = 6029
FULL, QUICK = (10, 13), (1, 13)  # patients, and visits of each
PATIENTS_OF_OTHER_METHODS = 1  # they are slow
SIZES_MM = ((0.0, 12.0), (12.0, 18.0), (18.0, 60.0))
MISS_MM = 3.0
KEPT_FROM_MM = 1.0
EDGE_REPEATS = 400
OWN = "proposal"
Mask = NDArray[np.bool_]


Times = dict[str, list[float]]
"""Milliseconds of processor time for a sequence, by method."""


def measure(patients: int, lesions_each: int) -> tuple[list[Case], Times]:
    """Propose on all visits, and let the other methods measure the same clicks."""
    cases: list[Case] = []
    times: Times = defaultdict(list)
    for number, visit in enumerate(visits(SEED, patients=patients, lesions_each=lesions_each)):
        has_others = number < PATIENTS_OF_OTHER_METHODS * lesions_each
        print(number, visit.difficulty, file=sys.stderr, flush=True)
        start = time.process_time()
        answers = propose_visit(visit.images, visit.click_lps_mm)
        times[OWN].append(1000 * (time.process_time() - start) / len(answers))
        frame = build_ap_frame(visit.images[0], visit.click_lps_mm, visit.axis_lps)
        for image, answer in zip(visit.images, answers, strict=True):
            true_mm = visit.true_mm.get(image.role, math.nan)
            rival_lengths = _others(frame, image, times) if has_others and true_mm > 0 else {}
            cases.append(
                Case(
                    difficulty=visit.difficulty, patient=visit.patient, role=image.role,
                    true_mm=true_mm, answer=answer, others=rival_lengths,
                    image=image if _is_far_off(answer, true_mm) else None,
                )
            )  # fmt: skip
    return cases, times


def _is_far_off(answer: Proposal | Abstention, true_mm: float) -> bool:
    """Return whether a proposal may be among the largest errors, so that its image is kept."""
    return isinstance(answer, Proposal) and abs(float(answer.length_mm) - true_mm) >= KEPT_FROM_MM


def _others(frame: ApFrame, image: SequenceImage, times: Times) -> dict[str, float]:
    """Measure with three methods of the libraries on the slice that was clicked."""
    patch, seed = cut_clicked_slice(frame, image)
    lengths = {}
    for name, method in METHODS.items():
        start = time.process_time()
        lengths[name] = _run_mm(method(patch, seed), seed)
        times[name].append(1000 * (time.process_time() - start))
    return lengths


def cut_clicked_slice(
    frame: ApFrame, image: SequenceImage
) -> tuple[NDArray[np.float64], tuple[int, int]]:
    """Cut the slice that was clicked, and give the place of the click."""
    patches = cut_patches(frame, image, 5.5)
    slice_ = patches.values[int(np.argmin(np.abs(patches.across_mm)))]
    v_mm, u_mm = compute_axis_mm()
    rows, columns = np.abs(v_mm) < 22, np.abs(u_mm) < 30
    patch = slice_[np.ix_(rows, columns)].astype(np.float64)
    return patch, (int(np.argmin(np.abs(v_mm[rows]))), int(np.argmin(np.abs(u_mm[columns]))))


def _confidence(image: NDArray[np.float64], seed: tuple[int, int]) -> Mask:
    region = SimpleITK.ConfidenceConnected(
        SimpleITK.GetImageFromArray(image), [(seed[1], seed[0])], numberOfIterations=3,
        multiplier=2.5, initialNeighborhoodRadius=2,
    )  # fmt: skip
    return SimpleITK.GetArrayFromImage(region) > 0


def _chan_vese(image: NDArray[np.float64], seed: tuple[int, int]) -> Mask:
    unit_image = (image - image.min()) / max(np.ptp(image), 1e-6)
    inside: Mask = chan_vese(unit_image, mu=0.1, max_num_iter=100, init_level_set="disk")
    return inside if inside[seed] else ~inside


def _random_walker(image: NDArray[np.float64], seed: tuple[int, int]) -> Mask:
    marks = np.zeros(image.shape, np.int8)
    marks[seed[0] - 1 : seed[0] + 2, seed[1] - 1 : seed[1] + 2] = 1
    marks[0], marks[-1], marks[:, 0], marks[:, -1] = 2, 2, 2, 2
    unit_image = (image - image.min()) / max(np.ptp(image), 1e-6)
    region: Mask = random_walker(unit_image, marks, beta=800, mode="cg_j") == 1
    return region


METHODS: dict[str, Callable[[NDArray[np.float64], tuple[int, int]], Mask]] = {
    "ConfidenceConnected": _confidence, "Chan-Vese": _chan_vese, "random walker": _random_walker,
}  # fmt: skip


def _run_mm(mask: Mask, seed: tuple[int, int]) -> float:
    """Return the longest run along the AP axis of the region that holds the seed."""
    labels, _ = ndimage.label(mask)
    region = labels == labels[seed] if labels[seed] else np.zeros_like(mask)
    longest = 0
    for line in region:
        edges = np.flatnonzero(np.diff(np.pad(line.astype(np.int8), 1)))
        if len(edges):
            longest = max(longest, int((edges[1::2] - edges[::2]).max()))
    u_mm = compute_axis_mm()[1]
    return longest * float(u_mm[1] - u_mm[0])


def edge_precision(contrast_to_noise: float, pixel_mm: float = 0.7) -> tuple[float, float]:
    """Return the SD of snapped ends, and the Cramer-Rao limit with levels and blur unknown, mm."""
    rng = np.random.default_rng(int(contrast_to_noise))
    x = np.arange(-9, 10) * pixel_mm
    blur = 0.6 * pixel_mm
    errors = []
    for _ in range(EDGE_REPEATS):
        true = rng.uniform(-0.5, 0.5) * pixel_mm
        values = ndtr((x - true) / blur) + rng.normal(0, 1 / contrast_to_noise, len(x))
        prior = EdgePrior(
            inside=0.0, outside=1.0, inside_sd=1.0, outside_sd=1.0, blur_mm=0.7 * pixel_mm,
            noise=1 / contrast_to_noise,
        )  # fmt: skip
        edge = fit_edge(x, values, 0.0, prior)
        errors.append(math.nan if edge is None else edge.position_mm - true)
    z = x / blur
    density = np.exp(-0.5 * z * z) / math.sqrt(2 * math.pi)
    slopes = np.stack([-density / blur, 1 - ndtr(z), ndtr(z), -density * z], axis=1)
    information = slopes.T @ slopes * contrast_to_noise**2
    limit = math.sqrt(float(np.linalg.inv(information)[0, 0]))
    return float(np.sqrt(np.nanmean(np.square(errors)))), limit


def report(cases: Sequence[Case], times: Times) -> list[str]:
    """Write the page as lines of Markdown."""
    measured_cases = [case for case in cases if case.error_mm is not None]
    lesions = [case for case in cases if not math.isnan(case.true_mm)]
    errors = np.array([case.error_mm for case in measured_cases])
    scores = np.array([c.error_mm / c.answer.standard_error_mm for c in measured_cases])
    misses = int((np.abs(errors) >= MISS_MM).sum())
    lines = ["| goal | asked | measured |", "|---|---|---|"]
    edges = {cnr: edge_precision(cnr) for cnr in (10.0, 20.0, 30.0)}
    worst = max(sd / limit for sd, limit in edges.values())
    coverage = float(np.mean(np.abs(scores) <= 1.96))
    lines += [
        f"| median absolute error, all sequences | at most 0.4 mm | {_median(errors):.2f} mm |",
        f"| 90th percentile | at most 1.0 mm | {_p90(errors):.2f} mm |",
        f"| errors of {MISS_MM:g} mm or more | none | {misses} of {len(measured_cases)} |",
        f"| truth in the 95% interval | 93 to 97% | {coverage:.0%} |",
        f"| snapped ends over the Cramer-Rao limit | at most 1.10 | {worst:.2f} |",
        f"| time of a proposal, processor | under 20 ms | {np.median(times[OWN]):.0f} ms |",
        f"| abstentions on lesions | | {len(lesions) - len(measured_cases)} of {len(lesions)} |",
        _without_lesion(cases),
        "",
    ]
    lines += ["| sequence | lesions | abstained | median mm | 90th percentile mm | mean error mm "
              "| in 95% interval |", "|---|---|---|---|---|---|---|"]  # fmt: skip
    for role in SeriesRole:
        lines.append(_row(role.value, [case for case in lesions if case.role is role]))
    lines += ["", "| true extent | lesions | abstained | median mm | 90th percentile mm "
              "| mean error mm | in 95% interval |", "|---|---|---|---|---|---|---|"]  # fmt: skip
    for least, most in SIZES_MM:
        name = f"{least:g} to {most:g} mm" if most < 60 else f"{least:g} mm and more"
        lines.append(_row(name, [case for case in lesions if least <= case.true_mm < most]))
    lines += ["", "| difficulty | lesions | abstained | median mm | 90th percentile mm "
              "| mean error mm | in 95% interval |", "|---|---|---|---|---|---|---|"]  # fmt: skip
    for name in dict.fromkeys(case.difficulty for case in lesions):
        lines.append(_row(name, [case for case in lesions if case.difficulty == name]))
    lines += ["", "Other methods on the same clicks, median / 90th percentile of the absolute "
              "error, mm, on the lesions of the first patient:", "",
              "| method | " + " | ".join(SeriesRole) + " | ms a sequence |",
              "|---|" + "---|" * (len(SeriesRole) + 1)]  # fmt: skip
    for name in ("ConfidenceConnected", "Chan-Vese", "random walker"):
        lines.append(
            f"| {name} | "
            + " | ".join(_other(lesions, name, r) for r in SeriesRole)
            + f" | {np.median(times[name]):.0f} |"
        )
    lines.append(
        "| proposal | "
        + " | ".join(_own(measured_cases, role) for role in SeriesRole)
        + f" | {np.median(times[OWN]):.0f} |"
    )
    lines += ["", "| contrast-to-noise | SD of a snapped end | Cramer-Rao limit | ratio |",
              "|---|---|---|---|"]  # fmt: skip
    for cnr, (sd, limit) in edges.items():
        lines.append(f"| {cnr:g} | {sd:.3f} mm | {limit:.3f} mm | {sd / limit:.2f} |")
    lines += ["", "| reason to abstain on a lesion | times |", "|---|---|"]
    reasons = Counter(c.answer.reason.value for c in lesions if isinstance(c.answer, Abstention))
    lines += [f"| `{reason}` | {count} |" for reason, count in reasons.most_common()]
    return lines


def _without_lesion(cases: Sequence[Case]) -> str:
    empty = [case for case in cases if math.isnan(case.true_mm)]
    proposal_count = sum(isinstance(case.answer, Proposal) for case in empty)
    return f"| proposals where there is no lesion | none | {proposal_count} of {len(empty)} |"


def _row(name: str, cases: Sequence[Case]) -> str:
    errors = np.array([case.error_mm for case in cases if case.error_mm is not None])
    if not len(errors):
        return f"| {name} | {len(cases)} | {len(cases)} | | | | |"
    inside = np.mean(
        [
            abs(c.error_mm) <= 1.96 * c.answer.standard_error_mm
            for c in cases
            if c.error_mm is not None
        ]
    )
    return (
        f"| {name} | {len(cases)} | {len(cases) - len(errors)} | {_median(errors):.2f} | "
        f"{_p90(errors):.2f} | {errors.mean():+.2f} | {inside:.0%} |"
    )


def _other(cases: Sequence[Case], name: str, role: SeriesRole) -> str:
    errors = np.array([c.others[name] - c.true_mm for c in cases if c.role is role and c.others])
    return f"{_median(errors):.1f} / {_p90(errors):.1f}" if len(errors) else ""


def _own(cases: Sequence[Case], role: SeriesRole) -> str:
    errors = np.array([case.error_mm for case in cases if case.role is role and case.others])
    return f"{_median(errors):.1f} / {_p90(errors):.1f}" if len(errors) else ""


def _median(errors: NDArray[np.float64]) -> float:
    return float(np.median(np.abs(errors)))


def _p90(errors: NDArray[np.float64]) -> float:
    return float(np.percentile(np.abs(errors), 90))


HEAD = """# Proposed extents: what was measured

Written by `python benchmarks/suggestion.py --page PAGE`. {visits} visits of {patients} synthetic
patients, T1, T2 with fat suppression or STIR, and T1 after contrast agent; one click a visit, at a
random place of the lesion's inner third; no AP axis given. Lesions are plain, rough, infiltrating,
small, at the posterior wall, with an epidural part, or stand next to a second lesion, a
haemangioma or endplate changes in the same body, or below a fractured endplate; some marrow is
fatty, and some images have a chemical shift of up to 1.6 pixels. The seeds were not used while the
method was made. Phantoms are kinder than patients: take these numbers as an upper bound of what to
expect.
[How it works](../explanation/suggestion.md).
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="One patient.")
    parser.add_argument("--patients", type=int, help="How many patients.")
    parser.add_argument("--page", type=Path, help="Write the page here, its figure next to it.")
    options = parser.parse_args()
    patients, lesions_each = QUICK if options.quick else FULL
    patients = options.patients or patients
    cases, times = measure(patients, lesions_each)
    lines = report(cases, times)
    print("\n".join(lines))
    if options.page is not None:
        figure = options.page.with_suffix(".png")
        draw_calibration(cases, figure)
        largest = figure.with_stem(f"{figure.stem}-largest-errors")
        draw_largest_errors(cases, largest)
        head = HEAD.format(visits=patients * lesions_each, patients=patients)
        pictures = [
            f"![Calibration of intervals, and proposals against truth]({figure.name})",
            "## The largest errors",
            "The eight proposals that are furthest off: the line that was proposed, on its native "
            "slice, and below it a bar of the true length.",
            f"![The eight largest errors]({largest.name})",
        ]
        page = "\n".join([head, *lines, "", "\n\n".join(pictures), ""])
        options.page.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()

"""Pictures of the benchmark of proposals: calibration, truth, and what failed most."""

import math
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np
from attrs import field, frozen
from matplotlib import pyplot
from scipy.stats import norm

from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.proposal import Abstention, Proposal
from opp_mri.suggestion.images import SequenceImage

LEAST_FOR_CURVE = 15  # cases of a sequence
LARGEST = 8
HALF_MM = 32.0  # of a picture
matplotlib.use("Agg")


@frozen(kw_only=True)
class Case:
    """One sequence of a visit; its image where something is proposed on it."""

    difficulty: str
    patient: str
    role: SeriesRole
    true_mm: float
    answer: Proposal | Abstention
    others: dict[str, float]
    image: SequenceImage | None = field(default=None, repr=False)

    @property
    def error_mm(self) -> float | None:
        """Proposed less true extent; None where nothing is proposed or there is no lesion."""
        if isinstance(self.answer, Abstention) or math.isnan(self.true_mm):
            return None
        return float(self.answer.length_mm) - self.true_mm


def draw_largest_errors(cases: Sequence[Case], path: Path) -> None:
    """Draw the proposals with the largest errors on their slices, with a bar of the true length."""
    measured_cases = [case for case in cases if case.error_mm is not None]
    measured_cases.sort(key=lambda case: -abs(case.error_mm or 0.0))
    figure, panels = pyplot.subplots(2, LARGEST // 2, figsize=(11, 6.2))
    for panel, case in zip(panels.flat, measured_cases[:LARGEST], strict=False):
        panel.set_axis_off()
        if case.image is None or isinstance(case.answer, Abstention):
            continue
        _, row_mm, column_mm = case.image.geometry.spacing_kji_mm
        ends = np.array([case.answer.start, case.answer.end])
        column, row = ends.mean(axis=0)
        panel.imshow(
            case.image.voxels[case.answer.slice_index], cmap="gray", aspect=row_mm / column_mm
        )
        panel.plot(*ends.T, color="#e0a000", linewidth=1.6)
        half = case.true_mm / column_mm / 2
        below = row + 0.75 * HALF_MM / row_mm
        panel.plot([column - half, column + half], [below, below], color="white", linewidth=3)
        panel.set_xlim(column - HALF_MM / column_mm, column + HALF_MM / column_mm)
        panel.set_ylim(row + HALF_MM / row_mm, row - HALF_MM / row_mm)
        panel.set_title(
            f"{case.difficulty}, {case.role.value}\n{case.answer.length_mm} mm, "
            f"true {case.true_mm:.1f} mm",
            fontsize=9,
        )
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def draw_calibration(cases: Sequence[Case], path: Path) -> None:
    """Draw the calibration of the intervals, and proposals against the truth."""
    measured_cases = [case for case in cases if case.error_mm is not None]
    scores = np.abs([c.error_mm / c.answer.standard_error_mm for c in measured_cases])
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(9, 4.2))
    nominal = np.linspace(0.05, 0.99, 40)
    left.plot([0, 1], [0, 1], color="0.6", linewidth=1)
    limits = norm.ppf(0.5 + nominal / 2)
    left.plot(nominal, [np.mean(scores <= z) for z in limits], color="black", label="all")
    for role in SeriesRole:
        own = scores[[case.role is role for case in measured_cases]]
        if len(own) >= LEAST_FOR_CURVE:
            left.plot(nominal, [np.mean(own <= z) for z in limits], linewidth=0.8, label=role.value)
    left.legend(frameon=False)
    left.set(xlabel="Nominal coverage", ylabel="Observed coverage", title="Intervals", aspect=1)
    by_role = defaultdict(list)
    for case in measured_cases:
        by_role[case.role].append((case.true_mm, float(case.answer.length_mm)))
    limits = (4, 30)
    right.plot(limits, limits, color="0.6", linewidth=1)
    for marker, (role, pairs) in zip("osvD", sorted(by_role.items()), strict=False):
        right.scatter(*zip(*pairs, strict=True), s=14, marker=marker, label=role.value, alpha=0.7)
    right.set(xlabel="True AP extent (mm)", ylabel="Proposed AP extent (mm)", aspect=1)
    right.set(xlim=limits, ylim=limits, title="Proposals")
    right.legend(frameon=False)
    figure.tight_layout()
    figure.savefig(path, dpi=110)

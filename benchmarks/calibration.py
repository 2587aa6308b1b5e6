"""Whether a second measurement gives the same call as often as is stated.

Simulates lesions of known true lengths, measures each, asks for the probability of its call, and
finds how often an independent second measurement gives that call. Writes
docs/reference/calibration.md and docs/images/calibration.png. From the root of the repository::

    python -m benchmarks.calibration            # the page, about ten minutes
    python -m benchmarks.calibration --quick    # half a minute, prints only
"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from attrs import frozen

from benchmarks.calibration_lesions import POPULATIONS, SETTINGS, Days, Values, draw_days
from benchmarks.calibration_range import range_section, ranges_of
from benchmarks.profiles import FACTS, errors, timeline_of
from opp_mri.domain.assessment import Rules
from opp_mri.domain.measurement_error import MeasurementError
from opp_mri.response.course import split_studies
from opp_mri.response.criteria import load_criteria
from opp_mri.response.draws import classify_draws
from opp_mri.response.probability import draw_repeated_tenths, round_to_tenths

DOCS: Final = Path(__file__).parents[1] / "docs"
PAGE: Final = DOCS / "reference" / "calibration.md"
PLOT: Final = DOCS / "images" / "calibration.png"
RULES: Final = Rules(criteria=load_criteria("amini-2016"))
BINS: Final = np.array([0, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0001])
DRAWS, SECOND_MEASUREMENTS, FEWEST = 800, 100, 20
WITHIN_POINTS: Final = 2
RANGE_LESIONS: Final = 1500


@frozen(kw_only=True)
class Bin:
    """Lesions whose call has about the same stated probability."""

    lesions: int
    stated: float
    same: float
    standard_error: float

    @property
    def interval_points(self) -> tuple[float, float]:
        """95% interval of the stated less the observed share, in points."""
        difference, error = 100 * (self.stated - self.same), 100 * self.standard_error
        return difference - 1.96 * error, difference + 1.96 * error

    @property
    def verdict(self) -> str:
        """Whether the difference is within two points, as far as the simulation can say."""
        low, high = self.interval_points
        if max(abs(low), abs(high)) <= WITHIN_POINTS:
            return "within"
        return "beyond" if min(abs(low), abs(high)) > WITHIN_POINTS and low * high > 0 else "open"

    @property
    def is_near(self) -> bool:
        """Whether the estimate itself is within two points, whatever its interval."""
        return 100 * abs(self.stated - self.same) <= WITHIN_POINTS

    @property
    def in_words(self) -> str:
        """The difference with its interval, in points."""
        low, high = self.interval_points
        return f"{(low + high) / 2:+.1f} ({low:+.1f} to {high:+.1f})"


def bins_of(population: str, lesions: int, sd_mm: float, correlation: float) -> Iterator[Bin]:
    """Simulate lesions of 3 to 7 visits, and give stated and observed shares by decile.

    The share of second measurements with the same call is taken from `SECOND_MEASUREMENTS` of each
    lesion, so that its error comes from the choice of lesions.
    """
    rng = np.random.default_rng([7, int(100 * sd_mm), int(10 * correlation)])
    error = MeasurementError(sd_mm=sd_mm, visit_correlation=correlation, source="simulated")
    pairs = []
    for _ in range(lesions):
        days = draw_days(rng)
        truth_mm = POPULATIONS[population](rng, days)
        pairs.append(_stated_and_same(rng, truth_mm, days, error))
    forecast, repeat_share = np.array(pairs).T
    place = np.digitize(forecast, BINS)
    for number in range(1, len(BINS)):
        own = place == number
        if own.sum() >= FEWEST:
            yield Bin(
                lesions=int(own.sum()),
                stated=float(forecast[own].mean()),
                same=float(repeat_share[own].mean()),
                standard_error=float(repeat_share[own].std() / np.sqrt(own.sum())),
            )


def _stated_and_same(
    rng: np.random.Generator, truth_mm: Values, days: Days, error: MeasurementError
) -> tuple[float, float]:
    sd_mm, correlation = error.sd_mm, error.visit_correlation
    first_mm = truth_mm + errors(rng, truth_mm.shape, sd_mm, correlation)
    timeline = timeline_of(first_mm, days)
    studies_by_sequence = split_studies(timeline)
    repeated_tenths = draw_repeated_tenths(timeline, error, draws=DRAWS, seed=0)[1]
    shape = (SECOND_MEASUREMENTS, *truth_mm.shape)
    second_mm = truth_mm + errors(rng, shape, sd_mm, correlation)
    measured_mm = np.concatenate([first_mm[np.newaxis], second_mm])
    tenths = {
        name: np.hstack([repeated_tenths[name], round_to_tenths(10 * measured_mm[:, place].T)])
        for place, name in enumerate(studies_by_sequence)
    }
    calls = classify_draws(studies_by_sequence, tenths, FACTS, RULES)
    first_calls, call, second = calls[:DRAWS], calls[DRAWS], calls[DRAWS + 1 :]
    return float((first_calls == call).mean()), float((second == call).mean())


def page(
    bins_by_setting: dict[tuple[str, float, float], list[Bin]],
    lesions: int,
    range_lines: Sequence[str],
) -> str:
    """Write the page."""
    lines = [
        "# Is the stated probability kept?",
        "",
        "<!-- Written by `python -m benchmarks.calibration`. -->",
        "",
        "The program says of a call that it would be the same in N % if all lengths were measured "
        "again. Here lesions of known true lengths are measured, and the share of independent "
        f"second measurements that give the same call is counted: {lesions:,} lesions in each row "
        "of the first table, three sequences, a baseline of 25 mm and 3 to 7 visits every 91 days, "
        "by amini-2016 with hindsight. The prior is always that of the program (Amini 2016).",
        "",
        "- *as supposed*: courses drawn from the prior itself. This tests the computation.",
        "- *even*: changes evenly spread from -8 to 8 mm, of each study and sequence by itself; "
        "the prior has them as 5% of lesions.",
        "- *even over lesions*: one change for each lesion, evenly spread from -8 to 8 mm; changes "
        "of 1 to 3 mm are far commoner than the prior supposes.",
        "- *mix*: 33% unchanged, 30% declining, 23% growing, 14% growing and falling, by 4 to "
        "10 mm. Between no change and 3.2 mm there is no lesion.",
        "- *graded mix*: the same without that gap: changes by 1 to 10 mm.",
        "- *other mix*: the same shares, with forms, amounts and starts that the prior does not "
        "have.",
        "",
        "A correlation is that of the errors of two sequences of one visit. Lesions are grouped by "
        f"what was stated of them; groups of fewer than {FEWEST} are left out. The difference is "
        "the stated less the observed share, in points, with its 95% interval from the choice of "
        f"lesions. A group is *within* or *beyond* {WITHIN_POINTS} points with certainty where its "
        "whole interval is, and otherwise *open*: a group of 50 lesions cannot show a difference "
        "of 2 points.",
        "",
        "| lesions | SD mm | correlation | stated, all | the same, all | mean difference | lesions "
        "in groups within | open, estimate within | open, estimate beyond | beyond |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for (name, sd_mm, correlation), bins in bins_by_setting.items():
        n = sum(group.lesions for group in bins)
        forecast = sum(group.lesions * group.stated for group in bins) / n
        repeat_share = sum(group.lesions * group.same for group in bins) / n
        mean = sum(group.lesions * abs(group.stated - group.same) for group in bins) / n
        kinds = (("within", True), ("open", True), ("open", False), ("beyond", False))
        shares = " | ".join(
            f"{sum(b.lesions for b in bins if (b.verdict, b.is_near) == kind) / n:.0%}"
            for kind in kinds
        )
        lines.append(
            f"| {name} | {sd_mm} | {correlation} | {forecast:.1%} | {repeat_share:.1%} | "
            f"{100 * mean:.1f} | {shares} |"
        )
    beyond = list(
        dict.fromkeys(
            name
            for (name, *_), bins in bins_by_setting.items()
            if any(b.verdict == "beyond" for b in bins)
        )
    )
    clean = [name for name in POPULATIONS if name not in beyond]
    lines += [
        "",
        f"In no group is the difference certainly more than {WITHIN_POINTS} points for "
        f"{', '.join(f'*{name}*' for name in clean)}. It is in some groups for "
        f"{', '.join(f'*{name}*' for name in beyond)}: where small changes are common, the stated "
        "probability is too high at 80 to 90%; where there are none between no change and 3.2 mm, "
        "it is too low there. No prior was found that satisfies both, as [the "
        "decision](../decisions/0019-what-a-probability-says.md) explains.",
        "",
        "![Stated probability and observed share](../images/calibration.png)",
        "",
        "| lesions | SD mm | correlation | n | stated | the same | difference (95%) | |",
        "|---|---:|---:|---:|---:|---:|---:|---|",
    ]
    lines += [
        f"| {name} | {sd_mm} | {correlation} | {fit.lesions} | {fit.stated:.0%} | "
        f"{fit.same:.0%} | {fit.in_words} | {fit.verdict} |"
        for (name, sd_mm, correlation), bins in bins_by_setting.items()
        for fit in bins
    ]
    return "\n".join([*lines, *range_lines]) + "\n"


def draw(bins_by_setting: dict[tuple[str, float, float], list[Bin]]) -> None:
    """Draw a reliability plot: a panel for each population."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10.5, 7.2), layout="constrained", dpi=110)
    panels = figure.subplots(3, 4, sharex=True, sharey=True).ravel()
    for axes, ((name, sd_mm, correlation), bins) in zip(
        panels, bins_by_setting.items(), strict=False
    ):
        axes.fill_between([0, 1], [-0.02, 0.98], [0.02, 1.02], color="0.9", lw=0)
        axes.plot([0, 1], [0, 1], color="0.6", lw=0.8)
        axes.errorbar(
            [group.stated for group in bins], [group.same for group in bins],
            [2 * group.standard_error for group in bins], fmt="o", ms=3, lw=1, color="black",
        )  # fmt: skip
        axes.set_title(f"{name}, SD {sd_mm}, corr. {correlation}", fontsize=7)
        axes.set(xlim=(0, 1), ylim=(0, 1))
    for axes in panels[len(bins_by_setting) :]:
        axes.set_axis_off()
    figure.supxlabel("stated probability of the same call", fontsize=9)
    figure.supylabel("share that was the same (± 2 SE)", fontsize=9)
    figure.savefig(PLOT)


def main() -> None:
    """Simulate, and write or print the page."""
    quick = "--quick" in sys.argv
    lesions = 100 if quick else 6000
    bins_by_setting = {
        (name, sd_mm, correlation): list(bins_of(name, lesions, sd_mm, correlation))
        for name, sd_mm, correlation in SETTINGS
    }
    range_lesions = 40 if quick else RANGE_LESIONS
    groups_by_setting = {
        setting: list(ranges_of(setting[0], range_lesions, *setting[1:])) for setting in SETTINGS
    }
    text = page(bins_by_setting, lesions, range_section(groups_by_setting, range_lesions))
    if quick:
        print(text)
        return
    PAGE.write_text(text, encoding="utf-8")
    draw(bins_by_setting)


if __name__ == "__main__":
    main()

"""The methods section of a paper, filled with what was really done and with which parameters.

Plain Markdown. What a software cannot know (ethics, scanners, who the readers were) is left as a
place to fill in, in square brackets.
"""

import platform
import re
from collections.abc import Sequence
from importlib.metadata import version
from textwrap import fill
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from opp_mri import __version__
from opp_mri.cohort.statistics.hazards import FEWEST_EVENTS, FEWEST_PATIENTS
from opp_mri.cohort.statistics.members import (
    EXCLUSION_WORDS,
    find_exclusion_reason,
    select_eligible,
)
from opp_mri.cohort.statistics.results import CohortAnalysis
from opp_mri.cohort.words import write_identifier
from opp_mri.domain.assessment import Criteria, Mode
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.timeline import Origin
from opp_mri.domain.visible_text import make_visible
from opp_mri.response.assessed import AssessedLesion
from opp_mri.units import DAYS_PER_WEEK, format_mm

LINE: Final = 100
LIBRARIES: Final = ("numpy", "scipy", "statsmodels")


def write_methods_text(
    lesions: Sequence[AssessedLesion],
    analysis: CohortAnalysis,
    *,
    criteria: Criteria,
    mode: Mode,
    readers: Sequence[str],
    data_sha256: str,
    shows_counts: bool = True,
) -> str:
    """Write the methods of a cohort as Markdown.

    Parameters
    ----------
    lesions
        All that were screened.
    readers
        Whose readings these are; empty where lengths came as tables.
    shows_counts
        Whether the text may say how many lesions were screened, left out and analysed.
    """
    environment = Environment(  # noqa: S701 - Markdown, not HTML
        loader=PackageLoader("opp_mri.cohort"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["mm"] = format_mm
    environment.filters["words"] = write_identifier
    environment.filters["weeks"] = _format_weeks
    assessed_lesions = select_eligible(lesions)
    measured_sequences = {
        sequence for lesion in lesions for sequence in lesion.timeline.observations
    }
    origins = [
        study.origin
        for lesion in lesions
        for studies in lesion.timeline.observations.values()
        for study in studies
        if study.ap_mm
    ]
    text = environment.get_template("methods.md.j2").render(
        lesions=len(lesions),
        patients=len({lesion.patient_id for lesion in lesions}),
        analysed=len(assessed_lesions),
        analysed_patients=len({lesion.patient_id for lesion in assessed_lesions}),
        exclusions=_count_exclusions(lesions),
        shows_counts=shows_counts,
        sequences=[sequence.value for sequence in SeriesRole if sequence in measured_sequences],
        criteria=criteria,
        prospective=mode is Mode.PROSPECTIVE,
        consensus="consensus" in readers,
        readers=len(readers),
        lines=bool(readers) and any(origins),
        numbers=None in origins,
        proposals=bool({Origin.ACCEPTED, Origin.EDITED}.intersection(origins)),
        analysis=analysis,
        times=analysis.n,
        landmark_day=analysis.landmark_day,
        death_within_days=analysis.death_within_days,
        fewest_events=FEWEST_EVENTS,
        fewest_patients=FEWEST_PATIENTS,
        version=__version__,
        python=platform.python_version(),
        libraries=[(name, version(name)) for name in LIBRARIES],
        data_sha256=data_sha256,
    )
    paragraphs = re.split(r"\n{2,}", make_visible(text).strip())
    return "\n\n".join(map(_fill_paragraph, paragraphs)) + "\n"


def _fill_paragraph(paragraph: str) -> str:
    """Fill the lines of a paragraph, or of each item of a list."""
    items = re.split(r"\n(?=- )", paragraph)
    return "\n".join(
        fill(" ".join(item.split()), LINE, subsequent_indent="  " * item.startswith("- "),
             break_long_words=False, break_on_hyphens=False)
        for item in items
    )  # fmt: skip


def _format_weeks(days: int) -> str:
    """Write days as weeks, with a decimal where they are not whole."""
    return f"{days / DAYS_PER_WEEK:.1f}".removesuffix(".0")


def _count_exclusions(lesions: Sequence[AssessedLesion]) -> list[tuple[str, int]]:
    """Count the lesions that each reason excludes, in the order of screening."""
    reasons = [find_exclusion_reason(lesion) for lesion in lesions]
    return [
        (words, reasons.count(reason))
        for reason, words in EXCLUSION_WORDS.items()
        if reason in reasons
    ]

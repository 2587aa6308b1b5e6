"""What an export says of itself: no medical device, by which version and rules, what was done."""

from collections.abc import Mapping, Sequence
from typing import Final

from opp_mri import __version__
from opp_mri.domain.assessment import Criteria, Mode
from opp_mri.response.assessed import AssessedLesion
from opp_mri.units import format_mm

DEIDENTIFIED: Final = (
    "Patients and lesions have codes in an order without meaning, and rows are in the order "
    "of the codes. The last day of SSRS of every lesion is set to 2000-01-01 and all other dates "
    "move with it, so that only days from SSRS are true. An age of 90 says 90 or more. A histology "
    "that Table 1 of the source paper does not list reads other. Free texts of events are left out."
)


def export_notes(
    lesions: Sequence[AssessedLesion],
    criteria: Criteria,
    mode: Mode,
    *,
    data_sha256: str,
    is_deidentified: bool,
    shows_counts: bool = True,
) -> dict[str, str]:
    """Return the notes of an export, by key; the keys are words for a reader too.

    Parameters
    ----------
    data_sha256
        Of the lesions, lengths and events that are exported, de-identified where they are.
    shows_counts
        Whether to say how many lesions there are: next to tables that withhold small counts, the
        number of all would tell how few were excluded.
    """
    comparisons = ("more than", "at least")
    patients = len({lesion.patient_id for lesion in lesions})
    return {
        "Purpose": "Research software, not a medical device: not for decisions about a patient.",
        "Program": f"opp_mri {__version__}",
        "Lesions": f"{len(lesions)} of {patients} patients" if shows_counts else "not told",
        "Criteria": ": ".join(filter(None, (criteria.name, criteria.source))),
        "Parameters": (
            f"growth is {comparisons[criteria.growth_inclusive]} and decline "
            f"{comparisons[criteria.decline_inclusive]} {format_mm(criteria.change_mm)}; shortest "
            f"follow-up {criteria.min_follow_up_days} days; a decline is sustained after "
            f"{criteria.sustain_days} days; window {criteria.window_days} days; progression on "
            f"{criteria.progression_min_studies} follow-ups; growth and then stability is "
            f"{criteria.plateau.value}"
        ),
        "Mode": f"{mode.value}: "
        + ("with hindsight" if mode is Mode.RETROSPECTIVE else "as known at the last study"),
        "Categories": "Those of Amini et al., AJNR 2016;37:387-392. They are not RECIST.",
        "Days": "Counted from the completion of spine stereotactic radiosurgery (SSRS).",
        "Lengths": "Greatest anteroposterior extent of signal abnormality, in mm; a change is "
        "always from the same sequence's own baseline.",
        "Identity": DEIDENTIFIED
        if is_deidentified
        else "Not de-identified: names and dates are as recorded.",
        "Data": f"SHA-256 {data_sha256}",
    }


def write_notes_text(notes: Mapping[str, str]) -> bytes:
    """Write notes as plain text."""
    return "".join(f"{key}: {text}\n" for key, text in notes.items()).encode()

"""Which lesions criteria cannot answer for, as they read sizes that were not recorded, in words."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from opp_mri.domain.assessment import Criteria, Quantity
from opp_mri.domain.timeline import Timeline
from opp_mri.response.criteria import load_shipped_criteria
from opp_mri.units import join_words

NOUNS: Final = {Quantity.AP_MM: "length", Quantity.VOLUME_CC: "volume"}


def has_recorded(timeline: Timeline, quantity: Quantity) -> bool:
    """Whether any size of this kind was recorded of a lesion."""
    rows = timeline.volumes if quantity is Quantity.VOLUME_CC else timeline.observations
    return any(rows.values())


def describe_lacks(
    timelines: Sequence[Timeline], criteria: Criteria, *, option: str = "the criteria"
) -> list[str]:
    """Say which lesions have nothing that the criteria read, and what to do; often one sentence.

    Parameters
    ----------
    option
        How criteria are named to the program here, such as `--criteria`.
    """
    alternative = next(kind for kind in Quantity if kind is not criteria.quantity)
    lacking = [line for line in timelines if not has_recorded(line, criteria.quantity)]
    readable_ids = [line.lesion_id for line in lacking if has_recorded(line, alternative)]
    empty_ids = [line.lesion_id for line in lacking if not has_recorded(line, alternative)]
    noun = NOUNS[criteria.quantity]
    sentences = []
    if readable_ids:
        names = [
            name
            for name, profile in load_shipped_criteria().items()
            if profile.quantity is alternative
        ]
        sentences.append(
            f"{_name(readable_ids)} {NOUNS[alternative]}s but no {noun}, and {criteria.name} needs "
            f"{noun}s: use {option} {join_words(names, 'or')}."
        )
    if empty_ids:
        alone, lengths = len(empty_ids) == 1, criteria.quantity is Quantity.AP_MM
        task = (
            f"measure {'it' if alone else 'them'}"
            if lengths
            else f"draw {'its' if alone else 'their'} contours"
        )
        sentences.append(f"{_name(empty_ids)} no measurement: {task} first.")
    return sentences


def find_left_out(timeline: Timeline) -> dict[str, str]:
    """Return why each shipped profile that cannot answer for a lesion is left out, by its name."""
    return {
        name: f"It reads {NOUNS[criteria.quantity]}s, and none is recorded."
        for name, criteria in load_shipped_criteria().items()
        if not has_recorded(timeline, criteria.quantity)
    }


def describe_left_out(timelines: Sequence[Timeline]) -> Iterator[str]:
    """Say once which shipped profiles are left out, for which lesions, and why."""
    for quantity, names in _group_by_quantity(load_shipped_criteria()).items():
        lesion_ids = [line.lesion_id for line in timelines if not has_recorded(line, quantity)]
        if lesion_ids:
            yield (
                f"Left out for {join_words(lesion_ids)}, of which no {NOUNS[quantity]} is "
                f"recorded: {join_words(names)}."
            )


def _group_by_quantity(profiles: Mapping[str, Criteria]) -> dict[Quantity, list[str]]:
    return {
        quantity: [name for name, criteria in profiles.items() if criteria.quantity is quantity]
        for quantity in Quantity
    }


def _name(lesion_ids: Iterable[str]) -> str:
    names = list(lesion_ids)
    return f"{join_words(names)} {'has' if len(names) == 1 else 'have'}"

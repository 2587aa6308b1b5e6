"""Write docs/reference/response-rules.md from the patients of `rules/`.

From the root of the repository::

    python -m tests.spec.write_page
"""

from collections.abc import Iterator
from pathlib import Path

from opp_mri.domain.assessment import Mode
from opp_mri.domain.timeline import EventKind, Timeline, TreatmentEvent

from .cases import Answer, Case, Section, read_sections

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "response-rules.md"
OPENING = Path(__file__).parent / "opening.md"

EVENT_WORDS = {
    EventKind.FRACTURE: "fracture",
    EventKind.EPIDURAL_GROWTH: "epidural growth",
    EventKind.SYSTEMIC_THERAPY_CHANGE: "systemic therapy changed",
    EventKind.OTHER_BONE_LESIONS: "other bone lesions",
    EventKind.LOCAL_RETREATMENT: "local retreatment",
    EventKind.EXCLUSION: "exclusion:",
    EventKind.EPIDURAL_GROWTH: "epidural growth",
    EventKind.PATHOLOGY: "pathology:",
}


def page() -> str:
    """Return the text of the page."""
    parts = [OPENING.read_text(encoding="utf-8").strip()]
    for number, section in enumerate(read_sections(), start=1):
        parts.extend(_section(number, section))
    return "\n\n".join(parts) + "\n"


def _section(number: int, section: Section) -> Iterator[str]:
    yield f"## {number}. {section.title}"
    yield section.text
    for case in section.cases:
        yield f"### {case.name}"
        yield _table(case.timeline)
        notes = [_event(event) for event in case.timeline.events]
        if notes:
            yield f"Events: {'; '.join(notes)}."
        if case.timeline.first_fraction_day:
            yield f"First fraction: day {case.timeline.first_fraction_day}."
        if case.criteria_as_written:
            yield f"Criteria: `{case.criteria_as_written}`."
        yield _answers(case)
        if case.cautions:
            cautions = ", ".join(f"`{caution}`" for caution in case.cautions)
            yield f"Cautions with hindsight: {cautions}."


def _table(timeline: Timeline) -> str:
    in_cc = bool(timeline.volumes)
    rows = {
        sequence: {
            study.days_from_ssrs: str(study.volume_cc if in_cc else study.ap_mm)
            for study in studies
        }
        for sequence, studies in (timeline.volumes or timeline.observations).items()
    }
    days = sorted({day for by_day in rows.values() for day in by_day})
    lines = [
        f"| day{', sizes in cc' if in_cc else ''} | " + " | ".join(str(day) for day in days) + " |",
        "|---|" + "---:|" * len(days),
    ]
    for sequence, by_day in rows.items():
        lines.append(f"| {sequence} | " + " | ".join(by_day.get(day, "") for day in days) + " |")
    return "\n".join(lines)


def _event(event: TreatmentEvent) -> str:
    day = "" if event.kind is EventKind.EXCLUSION else f"day {event.days_from_ssrs}: "
    value = event.value.replace("_", " ").replace("over 75 percent", "over 75%")
    free = event.kind in (EventKind.SYSTEMIC_THERAPY_CHANGE, EventKind.LOCAL_RETREATMENT)
    return f"{day}{EVENT_WORDS[event.kind]} {f'({value})' if free and value else value}".strip()


def _answers(case: Case) -> str:
    hindsight, today = case.answers[Mode.RETROSPECTIVE], case.answers[Mode.PROSPECTIVE]
    several = len(case.timeline.observations) > 1
    if hindsight == today:
        return f"> {_answer(hindsight, several)}"
    return (
        f"> With hindsight: {_answer(hindsight, several)}  \n"
        f"> As known today: {_answer(today, several)}"
    )


def _answer(answer: Answer, several: bool) -> str:
    decision = (
        f", {answer.deciding_sequence} decides" if several and answer.deciding_sequence else ""
    )
    discordant = ", discordant: ask a reader" if answer.discordant else ""
    return f"**{answer.category}** `{answer.reason}`{decision}{discordant}"


if __name__ == "__main__":
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(page(), encoding="utf-8")

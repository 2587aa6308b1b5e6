"""Whether contrast had been given: by the frame's own word, by the clock, by the agent, by words.

An absent agent proves nothing. An agent's text that is not known to be an agent is doubt.
"""

from datetime import date, datetime, time, timedelta
from typing import Final

from attrs import frozen

from opp_mri.dicom.roles.agents import AgentText, interpret_agent
from opp_mri.dicom.roles.finding import Finding
from opp_mri.dicom.roles.phrases import Phrase, Saying, find_contrast_phrase
from opp_mri.domain.imaging import Instance, RoleCertainty

LIKELY, IN_DOUBT = RoleCertainty.LIKELY, RoleCertainty.IN_DOUBT
_DAY: Final = timedelta(days=1)
LONGEST_AFTER_BOLUS: Final = timedelta(hours=3)  # beyond it, one of the two clocks is wrong


@frozen(kw_only=True)
class ContrastGiven(Finding[bool]):
    """Whether contrast had been given.

    Parameters
    ----------
    denied
        True where the header says outright that there was none, and is not only silent.
    rests_on_agent
        True where only the name of an agent says that there was.
    """

    denied: bool = False
    rests_on_agent: bool = False


def judge_contrast(instance: Instance) -> ContrastGiven:
    """Return whether contrast had been given.

    Parameters
    ----------
    instance
        The header of the image's own frame. ProtocolName counts only where the series has no
        description: at some vendors it names the whole examination.

    Returns
    -------
    ContrastGiven
        None where the header does not tell, IN_DOUBT where it contradicts itself or says what is
        not known.
    """
    phrase = find_contrast_phrase(instance.series_description or instance.protocol_name)
    agent = interpret_agent(instance.contrast_agent)
    if instance.contrast_administered is not None:
        return _judge_by_administration(instance.contrast_administered, phrase)
    if (minutes := compute_minutes_after_bolus(instance)) is not None:
        return _judge_by_clock(minutes, agent, phrase, instance)
    match agent:
        case AgentText.GIVEN:
            return _judge_by_agent(instance, phrase)
        case AgentText.NONE:
            return _judge_by_denial(instance, phrase)
        case AgentText.UNKNOWN:
            return _judge_by_unknown_agent(instance, phrase)
    return _judge_by_words(instance, phrase)


def find_acquisition_time(instance: Instance) -> datetime | None:
    """Return the moment of acquisition, by date and time of the header, or None.

    Where only the study has a date, a time far before that of the study is after midnight.
    """
    clock, day = instance.acquisition_time, instance.acquisition_date or instance.study_date
    if day is None or clock is None:
        return None
    moment = datetime.combine(day, clock)
    if instance.acquisition_date is None and instance.study_time is not None:
        start = datetime.combine(day, instance.study_time)
        if start - moment > _DAY / 2:
            return moment + _DAY
    return moment


def compute_minutes_after_bolus(instance: Instance) -> float | None:
    """Return the minutes from the start of contrast to the acquisition; negative before it.

    The start has no date, so it is the one that is nearest to the acquisition: a bolus before
    midnight counts for the images after it.
    """
    start, acquisition_clock = instance.contrast_start_time, instance.acquisition_time
    if start is None or acquisition_clock is None:
        return None
    gap = _convert_to_time_of_day(acquisition_clock) - _convert_to_time_of_day(start)
    if gap > _DAY / 2:
        gap -= _DAY
    elif gap < -_DAY / 2:
        gap += _DAY
    return gap.total_seconds() / 60


def _convert_to_time_of_day(clock: time) -> timedelta:
    return datetime.combine(date.min, clock) - datetime.combine(date.min, time())


def _judge_by_administration(is_given: bool, phrase: Phrase) -> ContrastGiven:
    opposite = Saying.NO if is_given else Saying.YES
    sentence = (
        "After contrast: the agent had been administered"
        if is_given
        else "Before contrast: the agent had not been administered"
    )
    if phrase.saying is not opposite:
        return ContrastGiven(value=is_given, sentence=f"{sentence}.", denied=not is_given)
    return ContrastGiven(
        value=is_given,
        sentence=f'{sentence}; but the description says "{phrase.words}".',
        certainty=IN_DOUBT,
    )


def _judge_by_clock(
    minutes: float, agent: AgentText, phrase: Phrase, instance: Instance
) -> ContrastGiven:
    after = minutes >= 0
    side = "after" if after else "before"
    sentence = f"Acquired {abs(minutes):.0f} min {side} the start of contrast by the clock"
    doubts = []
    if abs(minutes) > LONGEST_AFTER_BOLUS.total_seconds() / 60:
        doubts.append("the two are too far apart for one examination")
    if phrase.saying is (Saying.NO if after else Saying.YES):
        doubts.append(f'the description says "{phrase.words}"')
    if agent is AgentText.NONE:
        doubts.append(f'ContrastBolusAgent "{instance.contrast_agent}" means none')
    if agent is AgentText.UNKNOWN:
        doubts.append(f'"{instance.contrast_agent}" is not known to be an agent')
    if not doubts:
        certainty = LIKELY if agent is AgentText.SILENT else RoleCertainty.CERTAIN
        return ContrastGiven(
            value=after, sentence=f"{sentence}.", certainty=certainty, denied=not after
        )
    return ContrastGiven(
        value=after, sentence=f"{sentence}; but {', and '.join(doubts)}.", certainty=IN_DOUBT
    )


def _judge_by_agent(instance: Instance, phrase: Phrase) -> ContrastGiven:
    agent = instance.contrast_agent
    if phrase.saying is Saying.NO:
        sentence = (
            f'Before contrast: the description says "{phrase.words}", though an agent is recorded.'
        )
        return ContrastGiven(value=False, sentence=sentence, certainty=LIKELY, denied=True)
    return ContrastGiven(
        value=True,
        sentence=f"After contrast: the agent is recorded ({agent}).",
        rests_on_agent=phrase.saying is not Saying.YES,
    )


def _judge_by_denial(instance: Instance, phrase: Phrase) -> ContrastGiven:
    denial = f'ContrastBolusAgent "{instance.contrast_agent}" means none'
    if (instance.contrast_volume_ml or 0) > 0:
        return ContrastGiven(
            value=True,
            sentence=f"{denial}, but a volume of {instance.contrast_volume_ml:g} ml is recorded.",
            certainty=IN_DOUBT,
        )
    if phrase.saying is Saying.YES:
        sentence = f'{denial}, but the description says "{phrase.words}".'
        return ContrastGiven(value=True, sentence=sentence, certainty=IN_DOUBT)
    if phrase.saying is Saying.UNCLEAR:
        sentence = f'{denial}, but the description says "{phrase.words}".'
        return ContrastGiven(value=None, sentence=sentence, certainty=IN_DOUBT)
    return ContrastGiven(value=None, sentence=f"No sign of contrast: {denial}.", denied=True)


def _judge_by_unknown_agent(instance: Instance, phrase: Phrase) -> ContrastGiven:
    unknown = f'"{instance.contrast_agent}" is recorded, which is not known to be an agent for MR'
    if phrase.saying is Saying.NO:
        sentence = f'Before contrast: the description says "{phrase.words}", though {unknown}.'
        return ContrastGiven(value=False, sentence=sentence, certainty=LIKELY, denied=True)
    if phrase.saying is Saying.YES:
        sentence = f'After contrast: the description says "{phrase.words}", and {unknown}.'
        return ContrastGiven(value=True, sentence=sentence, certainty=LIKELY)
    return ContrastGiven(value=None, sentence=f"{unknown}.", certainty=IN_DOUBT)


def _judge_by_words(instance: Instance, phrase: Phrase) -> ContrastGiven:
    silent = "no agent is recorded"
    if instance.contrast_agent.strip():
        silent = f'ContrastBolusAgent "{instance.contrast_agent}" says nothing'
    volume_ml = instance.contrast_volume_ml or 0
    if volume_ml > 0:
        sentence = f"A volume of agent is recorded ({volume_ml:g} ml)"
        if phrase.saying is Saying.NO:
            sentence = f'{sentence}, but the description says "{phrase.words}".'
            return ContrastGiven(value=True, sentence=sentence, certainty=IN_DOUBT)
        return ContrastGiven(
            value=True, sentence=f"After contrast: {_lower(sentence)}.", certainty=LIKELY
        )
    match phrase.saying:
        case Saying.YES:
            sentence = f'After contrast: the description says "{phrase.words}"; {silent}.'
            return ContrastGiven(value=True, sentence=sentence, certainty=LIKELY)
        case Saying.NO:
            sentence = f'Without contrast: the description says "{phrase.words}".'
            return ContrastGiven(value=False, sentence=sentence, denied=True)
        case Saying.UNCLEAR:
            sentence = (
                f'The description says "{phrase.words}", which may mean contrast or not; {silent}.'
            )
            return ContrastGiven(value=None, sentence=sentence, certainty=IN_DOUBT)
        case Saying.TREATMENT:
            sentence = f'No sign of contrast: {silent}, and "{phrase.words}" is about treatment.'
            return ContrastGiven(value=None, sentence=sentence, certainty=LIKELY)
    sentence = f"No sign of contrast: {silent}."
    return ContrastGiven(value=None, sentence=sentence, certainty=LIKELY)


def _lower(sentence: str) -> str:
    return sentence[0].lower() + sentence[1:]

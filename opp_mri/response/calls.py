"""What the rules say of a sequence and of a lesion, before it is reported."""

from collections.abc import Mapping

from attrs import frozen

from opp_mri.domain.assessment import Reason, ResponseCategory
from opp_mri.domain.imaging import SeriesRole
from opp_mri.response.course import Course, Studied

Call = tuple[ResponseCategory, Reason]


@frozen(kw_only=True)
class SequenceCall:
    """What the rules say of one sequence.

    Parameters
    ----------
    call
        Category and reason.
    studied
        The studies that it rests on.
    course
        How it went, or None without a baseline or a follow-up.
    """

    call: Call
    studied: Studied
    course: Course | None


@frozen(kw_only=True)
class LesionCall:
    """What the rules say of a lesion, and of each of its sequences."""

    category: ResponseCategory
    reason: Reason
    deciding_sequence: SeriesRole | None
    discordant: bool
    sequences: Mapping[SeriesRole, SequenceCall]

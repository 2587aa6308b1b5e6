"""The error of one measurement of a length."""

from collections.abc import Iterable
from math import inf

from attrs import converters, field, frozen, validators

from opp_mri.domain.imaging import SeriesRole


@frozen(kw_only=True)
class ErrorClass:
    """Lengths whose error is known by itself: those of a sequence, of a size, or both.

    Parameters
    ----------
    sequence
        None for all sequences.
    least_mm, below_mm
        Lengths from the first to below the second, mm.
    sd_mm
        Standard deviation of one measurement of these, mm.
    """

    sequence: SeriesRole | None = field(default=None, converter=converters.optional(SeriesRole))
    least_mm: float = field(default=0.0, converter=float)
    below_mm: float = field(default=inf, converter=float)
    sd_mm: float = field(converter=float, validator=(validators.ge(0.0), validators.lt(100.0)))

    def holds(self, sequence: SeriesRole, length_mm: float) -> bool:
        """Return whether a length on a sequence is one of these."""
        return self.sequence in (None, sequence) and self.least_mm <= length_mm < self.below_mm


def _sort_classes(classes: Iterable[ErrorClass]) -> tuple[ErrorClass, ...]:
    return tuple(classes)


@frozen(kw_only=True)
class MeasurementError:
    """The error of one measurement that a call is weighed with.

    Parameters
    ----------
    sd_mm
        Standard deviation of one measurement, mm.
    classes
        Lengths of which enough is known to have an SD of their own; the first that holds a length
        counts.
    visit_correlation
        Correlation of the errors of two sequences of one visit, which share reader, slice and
        position: 0 where they are independent.
    source
        Where it comes from, in words.
    classes_source
        The errors of the classes and what they rest on, in words; empty without classes.
    is_published
        Whether it is of other lesions and readers: then a lesion's own lengths may refute it.
    """

    sd_mm: float = field(converter=float, validator=(validators.ge(0.0), validators.lt(100.0)))
    visit_correlation: float = field(
        default=0.0, converter=float, validator=(validators.ge(0.0), validators.le(1.0))
    )
    classes: tuple[ErrorClass, ...] = field(default=(), converter=_sort_classes)
    source: str
    classes_source: str = ""
    is_published: bool = False

    @property
    def depends_on_size(self) -> bool:
        """Whether long and short lengths have different errors."""
        return any(
            error_class.least_mm > 0 or error_class.below_mm < inf for error_class in self.classes
        )

    def get_sd_mm(self, sequence: SeriesRole, length_mm: float) -> float:
        """Return the standard deviation of one measurement of a length on a sequence, mm."""
        own = (
            error_class.sd_mm
            for error_class in self.classes
            if error_class.holds(sequence, length_mm)
        )
        return next(own, self.sd_mm)

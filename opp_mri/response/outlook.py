"""What an open, enlarging lesion may become: context for a reader, never a category.

The probability of osseous pseudoprogression, given growth, as a Beta distribution: a prior from one
series, updated with the counts of another, computed here from the counts themselves.

Sources: Bahig et al. 2016 (volumes of spine segments) for the prior; Amini et al., AJNR
2016;37:387-392, Table 1, for the counts. Neither allows conditioning on the week of growth.
"""

from typing import Final

from attrs import frozen

from opp_mri.domain.assessment import Assessment, Mode, Reason, ResponseCategory
from opp_mri.domain.estimate import LEVEL

CAVEAT: Final = "five events, one centre, no pathology"

PRIOR_OPP: Final = 9
PRIOR_ENLARGED: Final = 23
PRIOR_SIZE: Final = 4.0
"""Lesions that the prior counts for: fewer than were seen: volumes, in another centre."""

_OPEN_AND_ENLARGED: Final = frozenset(
    {Reason.ENLARGING_WITHIN_OPP_WINDOW, Reason.ENLARGED_ON_SINGLE_STUDY}
)


@frozen(kw_only=True)
class EnlargedLesions:
    """Lesions of one fractionation that grew, and what happened to them (Amini 2016, Table 1).

    Parameters
    ----------
    regimen
        The fractionation in words.
    fewest, most
        Fractions that it goes from and to.
    opp, pd
        Lesions that turned out as pseudoprogression and as progression.
    """

    regimen: str
    fewest: int
    most: int
    opp: int
    pd: int


AMINI_2016: Final = (
    EnlargedLesions(regimen="a single fraction", fewest=1, most=1, opp=5, pd=3),
    EnlargedLesions(regimen="3 to 5 fractions", fewest=3, most=5, opp=0, pd=6),
)


@frozen(kw_only=True)
class Outlook:
    """How probable pseudoprogression is for an enlarging lesion.

    Parameters
    ----------
    regimen
        The fractionation that the counts are of.
    alpha, beta
        The Beta distribution.
    mean, low, high
        Its mean and equal-tailed 95% interval, from 0 to 1.
    n, opp
        Enlarging lesions of this fractionation in the source, and those that were OPP.
    prior_n, prior_opp, prior_size
        Enlarging segments of the prior's source, those that were pseudoprogression, and the number
        of lesions that the prior counts for.
    caveat
        What a reader has to know; always shown.
    """

    regimen: str
    alpha: float
    beta: float
    mean: float
    low: float
    high: float
    n: int
    opp: int
    prior_n: int = PRIOR_ENLARGED
    prior_opp: int = PRIOR_OPP
    prior_size: float = PRIOR_SIZE
    caveat: str = CAVEAT

    @property
    def sentence(self) -> str:
        """All of it in words: probability, interval, n, sources and caveat."""
        return (
            f"Of lesions that enlarged after {self.regimen}, {self.opp} of {self.n} were "
            f"pseudoprogression (Amini 2016); with {self.prior_opp} of {self.prior_n} enlarging "
            f"segments (Bahig 2016) counted as {self.prior_size:g} lesions, the probability is "
            f"{self.mean:.2f} (95% interval {self.low:.2f} to {self.high:.2f}, n = {self.n}): "
            f"{self.caveat}. This is context, not a category."
        )


def compute_outlook(assessment: Assessment, fractions: int | None) -> Outlook | None:
    """Return how probable it is that an open, enlarging lesion is pseudoprogression.

    Parameters
    ----------
    assessment
        The lesion as known today (prospective mode).
    fractions
        Number of fractions of its radiosurgery, or None where not known.

    Returns
    -------
    Outlook or None
        None where it is withheld: an eligibility criterion fails, the lesion is not open because of
        its growth (`enlarging_within_opp_window`, `enlarged_on_single_study`), or the fractions are
        not known or are of a number of which the source saw none.
    """
    if (
        assessment.mode is not Mode.PROSPECTIVE
        or assessment.category is not ResponseCategory.INDETERMINATE
        or assessment.reason not in _OPEN_AND_ENLARGED
        or fractions is None
    ):
        return None
    for counts in AMINI_2016:
        if counts.fewest <= fractions <= counts.most:
            return compute_posterior(counts)
    return None


def compute_posterior(counts: EnlargedLesions) -> Outlook:
    """Update the prior with what was seen of one fractionation."""
    expected_opp = PRIOR_SIZE * PRIOR_OPP / PRIOR_ENLARGED
    alpha = expected_opp + counts.opp
    beta = PRIOR_SIZE - expected_opp + counts.pd
    tail = (1 - LEVEL) / 2
    from scipy.special import betaincinv  # slow to import, and only an open lesion needs it

    return Outlook(
        regimen=counts.regimen,
        alpha=alpha,
        beta=beta,
        mean=alpha / (alpha + beta),
        low=float(betaincinv(alpha, beta, tail)),
        high=float(betaincinv(alpha, beta, 1 - tail)),
        n=counts.opp + counts.pd,
        opp=counts.opp,
    )

"""Rows that statistics are checked on, and what R says of them.

Made with R 4.2.2, survival 3.5-3 and cmprsk 2.2-11; each test names its call. `made()` is by a
formula, which in R reads

    i <- 0:59
    d <- data.frame(day = 7 * (1 + (i*i*7 + 3*i) %% 29), cause = (i*5 + i %/% 7) %% 4,
                    group = c("a", "b", "c")[1 + ((i*11) %/% 3) %% 3],
                    x = (i*37) %% 23, z = as.numeric((i*i) %% 5 < 2), patient = (i*7) %% 40)
    d$entry <- ifelse(i %% 4 == 0, pmin(7 * (i %% 10), d$day - 7), 0)
    d$event <- as.numeric(d$cause == 1)

It has ties, delayed entry, three causes, three groups and patients with one row or two.
"""

import numpy as np

from opp_mri.cohort.survival import Observed

# Gehan, Biometrika 1965;52:203-223: weeks of remission of leukaemia, 21 children an arm
PLACEBO = (1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23)
TREATED = (6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35)
RELAPSED = (1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0)

I = np.arange(60)  # noqa: E741 - as in the formula
DAY = 7 * (1 + (I * I * 7 + 3 * I) % 29)
CAUSE = (I * 5 + I // 7) % 4
X = (I * 37) % 23
Z = ((I * I) % 5 < 2) * 1.0

# survival::ovarian (Edmunson et al., Cancer Treat Rep 1979;63:241-247)
OVARIAN_DAYS = (
    59, 115, 156, 421, 431, 448, 464, 475, 477, 563, 638, 744, 769, 770, 803, 855, 1040, 1106,
    1129, 1206, 1227, 268, 329, 353, 365, 377,
)  # fmt: skip
OVARIAN_DIED = (1, 1, 1, 0, 1, 0, 1, 1, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 0)
OVARIAN_AGE = (
    72.3315, 74.4932, 66.4658, 53.3644, 50.3397, 56.4301, 56.9370, 59.8548, 64.1753, 55.1781,
    56.7562, 50.1096, 59.6301, 57.0521, 39.2712, 43.1233, 38.8932, 44.6000, 53.9068, 44.2055,
    59.5890, 74.5041, 43.1370, 63.2192, 64.4247, 58.3096,
)  # fmt: skip
OVARIAN_RX = (1, 1, 1, 2, 1, 1, 2, 2, 1, 2, 1, 2, 2, 2, 1, 1, 1, 1, 2, 2, 2, 1, 1, 2, 2, 2)


def gehan() -> Observed:
    """The two arms of Gehan's trial, day for week."""
    return Observed(
        duration_days=PLACEBO + TREATED,
        event=(1,) * 21 + RELAPSED,
        group=["placebo"] * 21 + ["6-MP"] * 21,
    )


def made(*, entry: bool = False) -> Observed:
    """The rows of the formula, the event being cause 1."""
    late = np.where(I % 4 == 0, np.minimum(7 * (I % 10), DAY - 7), 0)
    return Observed(
        duration_days=DAY,
        event=CAUSE == 1,
        cause=CAUSE,
        group=np.array(["a", "b", "c"])[((I * 11) // 3) % 3],
        patient=(I * 7) % 40,
        entry_days=late if entry else None,
    )


def paper() -> Observed:
    """5 OPP of 16 single-fraction lesions, none of 21, every event before every censoring."""
    return Observed(
        duration_days=(68, 76, 83, 87, 171, *range(190, 267, 7), *range(185, 311, 6)),
        event=(1,) * 5 + (0,) * 32,
        group=["single"] * 16 + ["multi"] * 21,
    )

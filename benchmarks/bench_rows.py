"""What a benchmark of speed measures, and how much of it."""

from attrs import frozen

OURS = "opp_mri"


@frozen(kw_only=True)
class Row:
    """The time of one reader on one case.

    Parameters
    ----------
    size
        Files, lesions or slices of the case.
    seconds
        Median over the rounds.
    """

    part: str
    case: str
    size: int
    reader: str
    seconds: float


@frozen(kw_only=True)
class Sizes:
    """How much is measured.

    Parameters
    ----------
    commands
        How many of the commands of `benchmarks.cohort` are run.
    pairs
        Pairs of a phantom in full; none for one coarse pair.
    visits
        Visits for proposals.
    """

    rounds: int
    files: tuple[int, ...]
    files_again: tuple[int, ...]
    readings: tuple[int, ...]
    lesions: tuple[int, ...]
    lesions_of_cohort: tuple[int, ...]
    commands: int
    pairs: int
    visits: int


QUICK = Sizes(
    rounds=1,
    files=(20, 40),
    files_again=(100,),
    readings=(240,),
    lesions=(10, 20),
    lesions_of_cohort=(60,),
    commands=1,
    pairs=0,
    visits=1,
)
FULL = Sizes(
    rounds=5,
    files=(100, 300, 1000),
    files_again=(1000, 3000, 10_000),
    readings=(10_000, 100_000, 1_000_000),
    lesions=(1000, 10_000, 100_000),
    lesions_of_cohort=(1000, 3000, 10_000),
    commands=6,
    pairs=10,
    visits=13,
)

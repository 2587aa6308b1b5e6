"""How well follow-ups are lined up, and whether a wrong fit is ever called good.

Phantoms with known truth: target registration error (TRE) at fifteen landmarks of the lesion's
vertebra, ours beside SimpleITK in one run, on an easy set and a hard one; then fits that are wrong
on purpose, of which none may be called good; then the real pair, where its folder is given.

    python benchmarks/registration.py [--quick] [--no-peers] [--real FOLDER] [--write PAGE.md]

Phantoms are kept under the temporary directory and made again when their code changes.
"""

import argparse
import itertools
import os
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import registration_phantoms as phantoms
from attrs import frozen
from registration_sets import (
    ANATOMIES,
    HARD,
    T1,
    T2FS,
    Body,
    Pair,
    body,
    easy_pairs,
    gone_pairs,
    hard_pairs,
    real_t1,
    stranger_pairs,
)

from opp_mri.domain.geometry import FloatArray
from opp_mri.domain.registration import Fit, Verdict
from opp_mri.domain.transform import RigidTransform
from opp_mri.registration.align import align, judge

# --- methods


@frozen(kw_only=True, eq=False)
class Result:
    """What a method made of a pair."""

    name: str
    tre_mm: FloatArray
    seconds: float
    fit: Fit | None = None


def ours(pair: Pair) -> Result:
    start = time.perf_counter()
    fit = align(
        pair.baseline.volume,
        pair.followup.volume,
        centre_lps_mm=pair.baseline.centre_lps_mm,
        lesion_radius_mm=pair.baseline.shape.ap_mm / 2,
    )
    seconds = time.perf_counter() - start
    matrix = fit.baseline_from_followup.inverse().matrix
    return Result(name=pair.name, tre_mm=pair.tre_mm(matrix), seconds=seconds, fit=fit)


def tutorial(pair: Pair) -> Result:
    return peer(pair, "tutorial settings")


def mutual_information(pair: Pair) -> Result:
    return peer(pair, "MI 10 %")


def local_correlation(pair: Pair) -> Result:
    return peer(pair, "local correlation")


def peer(pair: Pair, method: str) -> Result:
    from registration_peers import simple_itk  # an optional dependency

    start = time.perf_counter()
    matrix = simple_itk(pair, method)
    return Result(name=pair.name, tre_mm=pair.tre_mm(matrix), seconds=time.perf_counter() - start)


METHODS: dict[str, Callable[[Pair], Result]] = {
    "ours": ours,
    "SimpleITK, tutorial settings": tutorial,
    "SimpleITK, MI 10 %": mutual_information,
    "SimpleITK, local correlation": local_correlation,
}


# --- wrong on purpose


@frozen(kw_only=True, eq=False)
class Judged:
    """A wrong fit, by how much, and what was said of it."""

    kind: str
    tre_mm: float
    fit: Fit


def wrong_fits(pair: Pair, count: int, seed: int) -> list[tuple[str, FloatArray]]:
    """Make fits that are wrong at the lesion by more than 2 mm, or a level off."""
    rng = np.random.default_rng(seed)
    centre = np.append(pair.baseline.centre_lps_mm, 1.0)
    made: list[tuple[str, FloatArray]] = []
    vertebra = pair.baseline.shape.vertebra
    levels = len(pair.baseline.posture.spine.vertebrae)
    for other in (vertebra - 2, vertebra - 1, vertebra + 1, vertebra + 2):
        if 0 <= other < levels:
            laid = pair.followup.posture.lps_from_local[other]
            own = np.linalg.inv(pair.baseline.posture.lps_from_local[vertebra])
            made.append(("a level off" if abs(other - vertebra) == 1 else "two off", laid @ own))
    while len(made) < count:
        kind = ("2 to 3 mm off", "left-right only", "3 to 20 mm off", "turned")[len(made) % 4]
        shift = rng.normal(size=3)
        turn = np.zeros(3)
        if kind == "left-right only":
            shift = np.array([np.sign(shift[0]), 0.0, 0.0])
        far = rng.uniform(3, 20) if kind == "3 to 20 mm off" else rng.uniform(2.02, 3)
        shift *= far / np.linalg.norm(shift)
        if kind in ("turned", "3 to 20 mm off"):
            turn = rng.normal(size=3) * (6.0 if kind == "turned" else 2.0)
        there = pair.truth @ centre
        moved = phantoms.rigid(turn, np.zeros(3))
        moved[:3, 3] = there[:3] + shift - moved[:3, :3] @ there[:3]
        made.append((kind, moved @ pair.truth))
    return made[:count]


def judge_wrong(task: tuple[Pair, int, int]) -> list[Judged]:
    pair, count, seed = task
    told = []
    for kind, matrix in wrong_fits(pair, count, seed):
        transform = RigidTransform(
            to_frame_of_reference_uid=pair.followup.volume.geometry.frame_of_reference_uid,
            from_frame_of_reference_uid=pair.baseline.volume.geometry.frame_of_reference_uid,
            matrix=matrix,
        ).inverse()
        fit = judge(
            pair.baseline.volume, pair.followup.volume, transform,
            centre_lps_mm=pair.baseline.centre_lps_mm,
            lesion_radius_mm=pair.baseline.shape.ap_mm / 2,
        )  # fmt: skip
        told.append(Judged(kind=kind, tre_mm=float(pair.tre_mm(matrix).mean()), fit=fit))
    return told


# --- tables


def row(name: str, results: Sequence[Result], wall: float) -> str:
    each = np.array([float(result.tre_mm.mean()) for result in results])
    targets = np.concatenate([result.tre_mm for result in results])
    seconds = float(np.median([result.seconds for result in results]))
    said = ""
    if results[0].fit is not None:
        good = np.array([r.fit is not None and r.fit.verdict is Verdict.GOOD for r in results])
        said = f"{good.mean():.0%} | {int((good & (each > 1)).sum())}"
    return (
        f"| {name} | {len(results)} | {np.median(targets):.2f} | "
        f"{np.percentile(targets, 95):.2f} | {each.max():.2f} | {(each > 1).mean():.1%} | "
        f"{(each > 3).mean():.1%} | {wall / len(results):.2f} | {seconds:.2f} | {said or '- | -'} |"
    )


INTRODUCTION = (
    "# Registration, measured",
    "",
    "Written by `python benchmarks/registration.py --real FOLDER --write PAGE`. Phantoms with",
    "known truth, ten anatomies; errors are those at fifteen landmarks of the lesion's vertebra",
    "(centre and corners of the body, in its middle and 12 mm to each side). Seconds are on two",
    "shared cores. What the numbers mean is in",
    "[serial registration](../explanation/registration.md).",
)

HEAD = (
    "| method | pairs | median mm | p95 mm | worst pair mm | > 1 mm | > 3 mm | s a pair, two "
    "processes | s a pair, alone | called good | good but > 1 mm |\n" + "|---" * 11 + "|"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--quick", action="store_true", help="three anatomies, few wrong fits")
    parser.add_argument("--no-peers", action="store_true", help="ours only")
    parser.add_argument("--no-wrong", action="store_true", help="leave the calibration out")
    parser.add_argument("--real", type=Path, help="folder of the real spine on two dates")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--write", type=Path, help="write the page here")
    chosen = parser.parse_args()
    lines: list[str] = []

    def tell(*texts: str) -> None:
        lines.extend(texts)
        print(*texts, sep="\n", flush=True)

    os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"  # a process a core
    tell(*INTRODUCTION)
    with ProcessPoolExecutor(chosen.workers, mp_context=get_context("spawn")) as pool:
        bodies = list(pool.map(body, range(3 if chosen.quick else ANATOMIES)))
        sets = {
            "Easy set, T1": easy_pairs(bodies, T1),
            "Easy set, T2 with fat suppression": easy_pairs(bodies, T2FS),
            "Hard set, T1": hard_pairs(bodies),
        }
        methods = dict(itertools.islice(METHODS.items(), 1 if chosen.no_peers else None))
        for title, pairs in sets.items():
            tell("", f"## {title}", "", HEAD)
            for name, method in methods.items():
                start = time.perf_counter()
                results = list(pool.map(method, pairs))
                tell(row(name, results, time.perf_counter() - start))
                if name == "ours" and title.startswith("Hard"):
                    by_name = {n: [r for r in results if r.name == n] for n in HARD}
            if title.startswith("Hard"):
                tell("", "Ours, by what is hard:", "", HEAD)
                for name, part in by_name.items():
                    tell(row(name, part, sum(r.seconds for r in part)))
        if not chosen.no_wrong:
            tell("", *calibration(pool, bodies, quick=chosen.quick))
    if chosen.real:
        tell("", *real_pair(chosen.real, bodies))
    if chosen.write:
        chosen.write.write_text("\n".join(lines) + "\n")


def calibration(pool: ProcessPoolExecutor, bodies: Sequence[Body], *, quick: bool) -> Iterable[str]:
    pairs = [*easy_pairs(bodies, T1), *hard_pairs(bodies)]
    count = 4 if quick else 15
    tasks = [(pair, count, seed) for seed, pair in enumerate(pairs)]
    told = list(itertools.chain.from_iterable(pool.map(judge_wrong, tasks)))
    told += [
        Judged(kind="the level is not in the follow-up", tre_mm=np.inf, fit=r.fit)
        for r in pool.map(ours, gone_pairs(bodies))
        if r.fit is not None
    ]
    yield "## Wrong on purpose"
    yield ""
    yield "| how | fits | failed | doubtful | good |"
    yield "|---|---|---|---|---|"
    for kind in [*dict.fromkeys(each.kind for each in told), None]:
        yield verdicts(kind or "all", [e.fit for e in told if kind in (None, e.kind)])
    strangers = [r.fit for r in pool.map(ours, stranger_pairs(bodies)) if r.fit is not None]
    yield verdicts("another phantom patient (they are alike)", strangers)


def real_pair(folder: Path, bodies: Sequence[Body]) -> Iterable[str]:
    """Line the real spine's T1 of two dates up, both ways, and a phantom with it."""
    first, second = real_t1(folder)
    middle = (np.array(first.geometry.shape_kji) - 1) / 2
    yield "## The real pair"
    yield ""
    yield (
        "| what | offset mm (left, back, up) | turn | before | after | margin | back and forth mm "
        "| blocks mm | verdict |"
    )
    yield "|---" * 9 + "|"
    for up_mm in (60.0, 30.0, 0.0, -30.0, -60.0):
        x, y, z = (first.geometry.lps_from_kji(middle) + np.array([0.0, 0.0, up_mm])).tolist()
        fit = align(first, second, centre_lps_mm=(x, y, z))
        yield fit_row(f"{up_mm:+.0f} mm from the middle", fit)
        x, y, z = fit.baseline_from_followup.inverse().apply(np.array([x, y, z])).tolist()
        yield fit_row(
            "the same, from second to first", align(second, first, centre_lps_mm=(x, y, z))
        )
    yield fit_row("the common field of view", align(first, second))
    yield fit_row("the same, from second to first", align(second, first))
    for each in bodies:
        yield fit_row("a phantom on the real baseline", align(first, each.visits[0][T1].volume))


def fit_row(name: str, fit: Fit) -> str:
    x, y, z = fit.displacement_lps_mm
    margin = "-" if fit.level_margin is None else f"{fit.level_margin:.2f}"
    return (
        f"| {name} | {x:.1f}, {y:.1f}, {z:.1f} | {fit.rotation_deg:.1f} | "
        f"{fit.similarity_before:.2f} | {fit.similarity:.2f} | {margin} | "
        f"{fit.inverse_consistency_mm:.2f} | {fit.block_residual_mm:.2f} | {fit.verdict} |"
    )


def verdicts(kind: str, fits: Sequence[Fit]) -> str:
    said = [sum(fit.verdict is verdict for fit in fits) for verdict in
            (Verdict.FAILED, Verdict.DOUBTFUL, Verdict.GOOD)]  # fmt: skip
    return f"| {kind} | {len(fits)} | " + " | ".join(map(str, said)) + " |"


if __name__ == "__main__":
    main()

"""How well follow-ups are lined up, and whether a wrong fit is ever called good.

Phantoms with known truth: target registration error (TRE) at fifteen landmarks of the lesion's
vertebra, ours next to its peers in one run, on an easy set and a hard one; then fits that are wrong
on purpose, of which none may be called good; then the real pair, where its folder is given.

    make peers   # once: SimpleITK, elastix, ANTs and greedy, 1.5 GB, apart from everything else
    python benchmarks/registration.py [--anatomies N] [--real FOLDER] [--write PAGE.md]

Phantoms are kept under the temporary directory and made again when their code changes.
"""

import argparse
import itertools
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import registration_phantoms as phantoms
from attrs import frozen
from registration_sets import (
    ANATOMIES,
    ARTEFACTS,
    DARK_ANATOMIES,
    HARD,
    REAL_FIRST_T1,
    REAL_SECOND_T1,
    SEQUENCES,
    STRANGER_ANATOMIES,
    T1,
    T2FS,
    Body,
    Moved,
    Pair,
    artefact_scans,
    body,
    dark_body,
    dark_visits,
    easy_pairs,
    gone_pairs,
    hard_pairs,
    move_on_purpose,
    real_series,
    stranger_pairs,
    strangers,
)

from opp_mri.domain.geometry import FloatArray
from opp_mri.domain.registration import Fit, Verdict
from opp_mri.domain.transform import RigidTransform
from opp_mri.registration.align import align, align_visit, judge
from opp_mri.registration.second_opinion import add_second_opinion, ask_second_opinion

# --- methods


@frozen(kw_only=True, eq=False)
class Result:
    """What a method made of a pair."""

    name: str
    tre_mm: FloatArray
    seconds: float
    fit: Fit | None = None


def ours(pair: Pair) -> Result:
    start = time.process_time()
    fit = align(
        pair.baseline.volume,
        pair.followup.volume,
        centre_lps_mm=pair.baseline.centre_lps_mm,
        lesion_radius_mm=pair.baseline.shape.ap_mm / 2,
    )
    seconds = time.process_time() - start
    matrix = fit.baseline_from_followup.invert().matrix
    return Result(name=pair.name, tre_mm=pair.tre_mm(matrix), seconds=seconds, fit=fit)


def together(pairs: Sequence[Pair]) -> list[Result]:
    """Line the sequences of a visit up together; the time is that of the visit."""
    first = pairs[0].baseline
    start = time.process_time()
    fits = align_visit(
        [(pair.baseline.volume, pair.followup.volume) for pair in pairs],
        centre_lps_mm=first.centre_lps_mm,
        lesion_radius_mm=first.shape.ap_mm / 2,
    )
    seconds = time.process_time() - start
    return [
        Result(
            name=pair.name,
            tre_mm=pair.tre_mm(fit.baseline_from_followup.invert().matrix),
            seconds=seconds,
            fit=fit,
        )
        for pair, fit in zip(pairs, fits, strict=True)
    ]


def second_opinion(pair: Pair) -> tuple[Fit, Fit, float]:
    """Return a fit before and after the second opinion, and the seconds that this took."""
    fit = ours(pair).fit
    assert fit is not None
    start = time.process_time()
    opinion = ask_second_opinion(
        pair.baseline.volume, pair.followup.volume, fit, pair.baseline.shape.ap_mm / 2
    )
    return fit, add_second_opinion(fit, opinion), time.process_time() - start


def undo(pair: Moved) -> tuple[float, Fit]:
    """Return the error at the centre and 15 mm around it of a real series moved on purpose."""
    geometry = pair.baseline.geometry
    centre = geometry.lps_from_kji((np.array(geometry.shape_kji) - 1) / 2)
    x, y, z = centre.tolist()
    fit = align(pair.baseline, pair.followup, centre_lps_mm=(x, y, z))
    points = np.vstack([centre, centre + 15.0 * np.eye(3), centre - 15.0 * np.eye(3)])
    back = np.linalg.inv(pair.truth)
    followup = points @ back[:3, :3].T + back[:3, 3]
    errors = np.linalg.norm(fit.baseline_from_followup.apply(followup) - points, axis=1)
    return float(errors.max()), fit


# --- peers, in an environment of their own

PEERS: dict[str, tuple[int, int]] = {  # pairs of the easy set, and of each other set
    "SimpleITK, tutorial settings": (100, 0),
    "SimpleITK, MI 10 %": (100, 0),
    "SimpleITK, local correlation": (100, 20),
    "elastix, default rigid": (100, 0),
    "elastix, tuned to the vertebra": (100, 20),
    "ANTs, rigid": (20, 0),
    "ANTs, local": (100, 20),
    "greedy, NMI": (20, 0),
    "greedy, NCC": (20, 0),
}


def write_pairs(pairs: Sequence[Pair], folder: Path) -> list[Path]:
    """Write pairs for another Python, both volumes with their geometry."""
    paths = []
    for number, pair in enumerate(pairs):
        arrays: dict[str, object] = {"centre": pair.baseline.centre_lps_mm}
        for name, scan in (("first", pair.baseline), ("second", pair.followup)):
            geometry = scan.volume.geometry
            arrays |= {
                f"{name}_voxels": scan.volume.voxels,
                f"{name}_spacing_kji_mm": geometry.spacing_kji_mm,
                f"{name}_origin_lps_mm": geometry.origin_lps_mm,
                f"{name}_directions": geometry.directions,
            }
        paths.append(folder / f"{number}.npz")
        np.savez(paths[-1], **arrays)  # type: ignore[arg-type]
    return paths


def run_peer(python: Path, method: str, pairs: Sequence[Pair], paths: Sequence[Path], workers: int
             ) -> list[Result]:  # fmt: skip
    """Run a peer over pairs, so many processes at once, each on its own share."""
    script = Path(__file__).with_name("registration_peers.py")
    shares = [paths[n::workers] for n in range(min(workers, len(paths)))]
    outputs = [paths[0].parent / f"found-{n}.json" for n in range(len(shares))]
    processes = [
        subprocess.Popen([python, script, method, output, *share], stdout=subprocess.DEVNULL)
        for share, output in zip(shares, outputs, strict=True)
    ]
    codes = [process.wait() for process in processes]
    if any(codes):
        raise SystemExit(f"{method} failed: its message is above.")
    records = [load for output in outputs for load in json.loads(output.read_text())]
    by_path = {Path(record["pair"]): record for record in records}
    return [
        Result(
            name=pair.name,
            tre_mm=pair.tre_mm(np.array(by_path[path]["matrix"])),
            seconds=by_path[path]["seconds"],
        )
        for pair, path in zip(pairs, paths, strict=True)
    ]


def peer_rows(
    python: Path,
    title: str,
    pairs: Sequence[Pair],
    workers: int,
    ours_s: float,
    only: Sequence[str] | None,
) -> Iterable[str]:
    easy = title.startswith("Easy set, T1")
    for method, (most_easy, most) in PEERS.items():
        if only and method not in only:
            continue
        count = min(len(pairs), most_easy if easy else most)
        if count == 0:
            continue
        # of a set in blocks of one difficulty, some of each
        selected_pairs = [
            pairs[round(n * (len(pairs) - 1) / max(count - 1, 1))] for n in range(count)
        ]
        with tempfile.TemporaryDirectory() as folder:
            paths = write_pairs(selected_pairs, Path(folder))
            results = run_peer(python, method, selected_pairs, paths, workers)
        yield row(method, results, ours_s)


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
    entries: list[tuple[str, FloatArray]] = []
    vertebra = pair.baseline.shape.vertebra
    levels = len(pair.baseline.posture.spine.vertebrae)
    for level in (vertebra - 2, vertebra - 1, vertebra + 1, vertebra + 2):
        if 0 <= level < levels:
            posture = pair.followup.posture.lps_from_local[level]
            own = np.linalg.inv(pair.baseline.posture.lps_from_local[vertebra])
            entries.append(
                ("a level off" if abs(level - vertebra) == 1 else "two off", posture @ own)
            )
    while len(entries) < count:
        kind = ("2 to 3 mm off", "left-right only", "3 to 20 mm off", "turned")[len(entries) % 4]
        shift = rng.normal(size=3)
        turn = np.zeros(3)
        if kind == "left-right only":
            shift = np.array([np.sign(shift[0]), 0.0, 0.0])
        far = rng.uniform(3, 20) if kind == "3 to 20 mm off" else rng.uniform(2.02, 3)
        shift *= far / np.linalg.norm(shift)
        if kind in ("turned", "3 to 20 mm off"):
            turn = rng.normal(size=3) * (6.0 if kind == "turned" else 2.0)
        target = pair.truth @ centre
        motion = phantoms.rigid(turn, np.zeros(3))
        motion[:3, 3] = target[:3] + shift - motion[:3, :3] @ target[:3]
        entries.append((kind, motion @ pair.truth))
    return entries[:count]


def judge_wrong(task: tuple[Pair, int, int]) -> list[Judged]:
    pair, count, seed = task
    entries = []
    for kind, matrix in wrong_fits(pair, count, seed):
        transform = RigidTransform(
            to_frame_of_reference_uid=pair.followup.volume.geometry.frame_of_reference_uid,
            from_frame_of_reference_uid=pair.baseline.volume.geometry.frame_of_reference_uid,
            matrix=matrix,
        ).invert()
        fit = judge(
            pair.baseline.volume, pair.followup.volume, transform,
            centre_lps_mm=pair.baseline.centre_lps_mm,
            lesion_radius_mm=pair.baseline.shape.ap_mm / 2,
        )  # fmt: skip
        entries.append(Judged(kind=kind, tre_mm=float(pair.tre_mm(matrix).mean()), fit=fit))
    return entries


# --- tables


def row(name: str, results: Sequence[Result], ours_s: float) -> str:
    mean_tre_mm = np.array([float(result.tre_mm.mean()) for result in results])
    targets = np.concatenate([result.tre_mm for result in results])
    seconds = float(np.median([result.seconds for result in results]))
    cell = ""
    if results[0].fit is not None:
        good = np.array([r.fit is not None and r.fit.verdict is Verdict.GOOD for r in results])
        cell = f"{good.mean():.0%} | {int((good & (mean_tre_mm > 1)).sum())}"
    return (
        f"| {name} | {len(results)} | {np.median(targets):.2f} | "
        f"{np.percentile(targets, 95):.2f} | {mean_tre_mm.max():.2f} | "
        f"{(mean_tre_mm > 1).mean():.1%} | {(mean_tre_mm > 3).mean():.1%} | "
        f"{seconds:.2f} | {seconds / ours_s:.1f} | {cell or '- | -'} |"
    )


INTRODUCTION = (
    "# Registration, measured",
    "",
    "Written by `python benchmarks/registration.py --real FOLDER --write PAGE`. Phantoms with",
    "known truth; errors are those at fifteen landmarks of the lesion's vertebra",
    "(centre and corners of the body, in its middle and 12 mm to each side). Seconds are the",
    "median of one pair's own processor time, with one thread. Peers start from the header",
    "coordinates, which ours does not ask, and are set up in `benchmarks/registration_peers.py`;",
    "slow ones ran on some of the pairs only, as the column says. What the numbers mean is in",
    "[serial registration](../explanation/registration.md).",
)

HEAD = (
    "| method | pairs | median mm | p95 mm | worst pair mm | > 1 mm | > 3 mm | s a pair "
    "| times ours | called good | good but > 1 mm |\n" + "|---" * 11 + "|"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--anatomies", type=int, default=ANATOMIES, help="fewer are quicker")
    parser.add_argument("--wrong", type=int, default=15, help="wrong fits of each pair")
    parser.add_argument(
        "--peers", type=Path, default=Path(".venv-peers/bin/python"),
        help="Python that `make peers` installed; without it only ours is measured",
    )  # fmt: skip
    parser.add_argument("--peer-pairs", type=int, help="at most so many pairs of each peer")
    parser.add_argument("--peer", action="append", choices=PEERS, help="these peers only")
    parser.add_argument("--no-wrong", action="store_true", help="leave the calibration out")
    parser.add_argument("--real", type=Path, help="folder of the real spine on two dates")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--write", type=Path, help="write the page here")
    options = parser.parse_args()
    peers = options.peers if options.peers.exists() else None
    if peers is None:
        print(f"{options.peers} is not there: `make peers` installs the peers. Ours only.")
    lines: list[str] = []

    def tell(*texts: str) -> None:
        lines.extend(texts)
        print(*texts, sep="\n", flush=True)
        if options.write:  # so that a run that is stopped leaves what it has measured
            options.write.write_text("\n".join(lines) + "\n")

    os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"  # a process a core
    tell(*INTRODUCTION)
    with ProcessPoolExecutor(options.workers, mp_context=get_context("spawn")) as pool:
        bodies = list(pool.map(body, range(options.anatomies)))
        dark = list(pool.map(dark_body, range(min(options.anatomies, DARK_ANATOMIES))))
        sets = {
            "Easy set, T1": easy_pairs(bodies, T1),
            "Easy set, T2 with fat suppression": easy_pairs(bodies, T2FS),
            "Hard set, T1": hard_pairs(bodies),
        }
        for title, pairs in sets.items():
            tell("", f"## {title}", "", HEAD)
            results = list(pool.map(ours, pairs))
            ours_s = float(np.median([result.seconds for result in results]))
            tell(row("ours", results, ours_s))
            if peers:
                few = pairs[: options.peer_pairs]
                for line in peer_rows(peers, title, few, options.workers, ours_s, options.peer):
                    tell(line)
            if title.startswith("Hard"):
                tell("", "Ours, by what is hard:", "", HEAD)
                for name in HARD:
                    tell(row(name, [r for r in results if r.name == name], ours_s))
        if not options.no_wrong:
            groups = list(pool.map(strangers, range(min(options.anatomies, STRANGER_ANATOMIES))))
            tell("", *calibration(pool, bodies, stranger_pairs(groups), options.wrong))
        if options.real:
            tell("", *real_pair(options.real, bodies))
        tell("", *dark_marrow(pool, dark))
        tell("", *opinions(pool, easy_pairs(bodies, T1)[::3]))
        tell("", *artefact_rows(pool, options.anatomies))


def artefact_rows(pool: ProcessPoolExecutor, anatomies: int) -> Iterable[str]:
    """Show what each artefact costs, and how near to the truth any rigid motion can come."""
    yield "## Where the error comes from"
    yield ""
    yield "T1 of the easy set, with one artefact at a time. x is left to right, through the slices;"
    yield "`centre` is the error of the vertebra's place and `turn` what its rotation adds at the"
    yield "landmarks, both as root mean squares. `rigid` is the p95 of the best rigid motion: what"
    yield "remains there cannot be registered rigidly."
    yield ""
    yield "| artefact | pairs | median mm | p95 mm | centre x, y, z | turn x, y, z | rigid mm |"
    yield "|---" * 7 + "|"
    for name in ARTEFACTS:
        all_scans = pool.map(
            artefact_scans, *zip(*((n, name) for n in range(anatomies)), strict=True)
        )
        pairs = [
            Pair(name=name, baseline=a, followup=b)
            for scans in all_scans
            for a, b in itertools.combinations(scans, 2)
        ]
        results = list(pool.map(ours, pairs))
        errors = [
            pair.errors_lps_mm(result.fit.baseline_from_followup.invert().matrix)
            for pair, result in zip(pairs, results, strict=True)
            if result.fit is not None
        ]
        lengths = np.concatenate([result.tre_mm for result in results])
        places = np.array([error.mean(axis=0) for error in errors])
        turns = np.concatenate([error - error.mean(axis=0) for error in errors])
        rigid = np.concatenate([pair.tre_mm(pair.best_rigid) for pair in pairs])
        yield (
            f"| {name} | {len(pairs)} | {np.median(lengths):.2f} | {np.percentile(lengths, 95):.2f}"
            f" | {_list_rms(places)} | {_list_rms(turns)} | {np.percentile(rigid, 95):.2f} |"
        )


def _list_rms(errors: FloatArray) -> str:
    return ", ".join(f"{value:.2f}" for value in np.sqrt((errors**2).mean(axis=0)))


def dark_marrow(pool: ProcessPoolExecutor, bodies: Sequence[Body]) -> Iterable[str]:
    """Line up each sequence of treated, dark marrow alone, and the visit together."""
    visits = dark_visits(bodies)
    answers = list(pool.map(together, visits))
    visit_s = float(np.median([answer[0].seconds for answer in answers]))
    yield "## Dark marrow without texture"
    yield ""
    yield "Treated marrow is dark and flat on fat-suppressed images, CSF pulsates, bowel changes"
    yield "(near the vertebra and up to twice as bright as CSF in half of the anatomies), all discs"
    yield "are dry in half of them, and the patient moves by some 0.4 mm between the sequences."
    yield ""
    yield HEAD
    for index, kind in enumerate(SEQUENCES):
        alone = list(pool.map(ours, [visit[index] for visit in visits]))
        alone_s = float(np.median([result.seconds for result in alone]))
        yield row(f"{kind} alone", alone, alone_s)
        yield row(f"{kind} in its visit", [answer[index] for answer in answers], visit_s)
    good = sum(
        any(
            alignment.fit is not None and alignment.fit.verdict is Verdict.GOOD
            for alignment in answer
        )
        for answer in answers
    )
    yield ""
    yield (
        f"Of {len(answers)} visits {good} are answered as good by at least one sequence. A visit "
        f"of {len(SEQUENCES)} sequences takes {visit_s:.2f} s."
    )


def opinions(pool: ProcessPoolExecutor, pairs: Sequence[Pair]) -> Iterable[str]:
    answers = list(pool.map(second_opinion, pairs))
    away = [
        after.second_opinion_mm for _, after, _ in answers if after.second_opinion_mm is not None
    ]
    lost_count = sum(
        before.verdict is Verdict.GOOD and after.verdict is not Verdict.GOOD
        for before, after, _ in answers
    )
    yield "## The second opinion"
    yield ""
    yield (
        f"Easy set, T1, {len(pairs)} pairs: SimpleITK (Mattes mutual information) lies "
        f"{np.median(away):.2f} mm (median) and {max(away):.2f} mm (at most) from ours; "
        f"{lost_count} good fits become doubtful. It takes "
        f"{np.median([seconds for *_, seconds in answers]):.2f} s a pair."
    )


def calibration(
    pool: ProcessPoolExecutor, bodies: Sequence[Body], other_pairs: Sequence[Pair], count: int
) -> Iterable[str]:
    pairs = [*easy_pairs(bodies, T1), *hard_pairs(bodies)]
    tasks = [(pair, count, seed) for seed, pair in enumerate(pairs)]
    judgements = list(itertools.chain.from_iterable(pool.map(judge_wrong, tasks)))
    judgements += [
        Judged(kind="the level is not in the follow-up", tre_mm=np.inf, fit=r.fit)
        for r in pool.map(ours, gone_pairs(bodies))
        if r.fit is not None
    ]
    yield "## Wrong on purpose"
    yield ""
    yield "| how | fits | failed | doubtful | good |"
    yield "|---|---|---|---|---|"
    for kind in [*dict.fromkeys(resolution.kind for resolution in judgements), None]:
        yield verdicts(kind or "all", [e.fit for e in judgements if kind in (None, e.kind)])
    fits = [result.fit for result in pool.map(ours, other_pairs) if result.fit is not None]
    yield verdicts("another phantom patient, 3 % larger or smaller and more", fits)


def real_pair(folder: Path, bodies: Sequence[Body]) -> Iterable[str]:
    """Line the real spine's T1 of two dates up, both ways, and a phantom with it."""
    series = real_series(folder)
    first, second = series[REAL_FIRST_T1], series[REAL_SECOND_T1]
    middle = (np.array(first.geometry.shape_kji) - 1) / 2
    yield "## The real pair"
    yield ""
    yield (
        "| what | offset mm (left, back, up) | turn | before | after | margin "
        "| inverse consistency mm | blocks mm | verdict |"
    )
    yield "|---" * 9 + "|"
    for up_mm in (60.0, 30.0, 0.0, -30.0, -60.0):
        x, y, z = (first.geometry.lps_from_kji(middle) + np.array([0.0, 0.0, up_mm])).tolist()
        fit = align(first, second, centre_lps_mm=(x, y, z))
        yield fit_row(f"{up_mm:+.0f} mm from the middle", fit)
        x, y, z = fit.baseline_from_followup.invert().apply(np.array([x, y, z])).tolist()
        yield fit_row(
            "the same, from second to first", align(second, first, centre_lps_mm=(x, y, z))
        )
    yield fit_row("the common field of view", align(first, second))
    yield fit_row("the same, from second to first", align(second, first))
    for real_body in bodies:
        yield fit_row(
            "a phantom on the real baseline", align(first, real_body.visits[0][T1].volume)
        )
    yield ""
    yield "STIR of the first date and T2 of the second are not compared: they are unlike sequences."
    yield ""
    yield "## Real series moved on purpose"
    yield ""
    yield "Half a slice off, turned by up to 7 degrees, 20 to 30 mm along, noise, shading."
    yield ""
    yield "| series | fits | median mm | worst mm | good | good but > 1 mm |"
    yield "|---" * 6 + "|"
    for name, volume in series.items():
        answers = [undo(move_on_purpose(name, volume, 10 * n + len(name))) for n in range(5)]
        errors = np.array([error for error, _ in answers])
        good = np.array([fit.verdict is Verdict.GOOD for _, fit in answers])
        yield (
            f"| {name} | {len(answers)} | {np.median(errors):.2f} | {errors.max():.2f} | "
            f"{good.sum()} | {int((good & (errors > 1)).sum())} |"
        )


def fit_row(name: str, fit: Fit) -> str:
    x, y, z = fit.displacement_lps_mm
    margin = "-" if fit.level_margin is None else f"{fit.level_margin:.2f}"
    return (
        f"| {name} | {x:.1f}, {y:.1f}, {z:.1f} | {fit.rotation_deg:.1f} | "
        f"{fit.similarity_before:.2f} | {fit.similarity:.2f} | {margin} | "
        f"{fit.inverse_consistency_mm:.2f} | {fit.block_residual_mm:.2f} | {fit.verdict} |"
    )


def verdicts(kind: str, fits: Sequence[Fit]) -> str:
    counts = [sum(fit.verdict is verdict for fit in fits) for verdict in
            (Verdict.FAILED, Verdict.DOUBTFUL, Verdict.GOOD)]  # fmt: skip
    return f"| {kind} | {len(fits)} | " + " | ".join(map(str, counts)) + " |"


if __name__ == "__main__":
    main()

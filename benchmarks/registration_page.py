"""The page of benchmarks/registration.py, written of the records that there are."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from registration_cases import (
    ARTEFACT,
    DARK,
    EASY_T1,
    EASY_T2FS,
    GONE,
    HARD_T1,
    OPINION,
    REAL_MOVED,
    REAL_PAIR,
    STRANGERS,
    WRONG,
    Record,
    count_cases,
)

from opp_mri.domain.geometry import FloatArray
from opp_mri.registration.align import ALGORITHM_VERSION

INTRODUCTION = f"""# Registration, measured

Written by `python benchmarks/registration.py --real FOLDER --records FILE --write PAGE`, version
{ALGORITHM_VERSION} of the algorithm. Phantoms with known truth; errors are those at fifteen
landmarks of the lesion's vertebra (centre and corners of the body, in its middle and 12 mm to each
side). Seconds are the median of one pair's own processor time, with one thread. Peers start from
the header coordinates, which ours does not use, and are set up in
`benchmarks/registration_peers.py`. All sets have chemical shift, slice-to-slice motion of 0.2 mm,
distortion and signal voids. What the numbers mean is in
[serial registration](../explanation/registration.md)."""

HEAD = (
    "| method | pairs | median mm | p95 mm | worst pair mm | > 1 mm | > 3 mm | s a pair "
    "| called good | good but > 1 mm |\n" + "|---" * 10 + "|"
)
GOALS = (  # section, name of the pair, how: median and p95, mm
    (EASY_T1, None, None, 0.08, 0.20),
    (EASY_T2FS, None, None, 0.15, 0.35),
    (DARK, "T1", "in its visit", 0.08, 0.20),
    (DARK, "T2FS", "in its visit", 0.15, 0.35),
    (DARK, "STIR", "in its visit", 0.15, 0.35),
    (DARK, "T1POST", "in its visit", 0.10, 0.25),
)
GOAL_S = 0.6


def write_page(path: Path, records: Sequence[Record], real: Path | None) -> None:
    """Write the page; a section that has no record is named as not run."""
    by_section: dict[str, list[Record]] = {}
    for record in records:
        by_section.setdefault(record["section"], []).append(record)
    lines = [INTRODUCTION, "", *_describe_share(by_section, real), ""]
    lines += _compare_goals(by_section)
    for section, tell in SECTIONS.items():
        if section in by_section:
            lines += ["", f"## {section}", "", *tell(by_section[section])]
    path.write_text("\n".join(lines) + "\n")


def _describe_share(by_section: dict[str, list[Record]], real: Path | None) -> Iterable[str]:
    yield "How much of each set has been run:"
    yield ""
    yield "| set | cases run | of |"
    yield "|---|---|---|"
    for section in SECTIONS:
        own_cases = {r["case"] for r in by_section.get(section, []) if r["method"] == "ours"}
        yield f"| {section} | {len(own_cases)} | {count_cases(section, real)} |"


def _compare_goals(by_section: dict[str, list[Record]]) -> Iterable[str]:
    """Say of each goal whether the cases that have been run meet it."""
    yield "## Goals"
    yield ""
    yield "Of the cases that have been run; the table above gives their number."
    yield ""
    yield "| goal | measured | met by these |"
    yield "|---|---|---|"
    for section, name, how, median, p95 in GOALS:
        records_of_cases = [
            record
            for record in _choose_ours(by_section.get(section, []))
            if name in (None, record["name"]) and how in (None, record.get("how"))
        ]
        if records_of_cases:
            errors = _join_errors(records_of_cases)
            a, b = np.median(errors), np.percentile(errors, 95)
            verdict = "yes" if a <= median and b <= p95 else "no"
            title = f"{section}, {name} {how}" if name else section
            yield f"| {title}: {median:.2f} / {p95:.2f} mm | {a:.2f} / {b:.2f} mm | {verdict} |"
    visits = [r["seconds"] for r in by_section.get(DARK, []) if r.get("how") == "in its visit"]
    if visits:
        seconds = float(np.median(visits))
        verdict = "yes" if seconds <= GOAL_S else "no"
        yield f"| a visit of four sequences in {GOAL_S} s | {seconds:.2f} s | {verdict} |"
    hard = _choose_ours(by_section.get(HARD_T1, []))
    if hard:
        share = np.mean([np.mean(record["tre_mm"]) <= 1 for record in hard])
        yield f"| 98% of the hard set solved (1 mm) | {share:.0%} | {_say(share >= 0.98)} |"
    for section, title in (
        (WRONG, "no wrong fit called good"),
        (GONE, "none good without the level"),
        (STRANGERS, "no stranger called good"),
    ):
        fits = by_section.get(section, [])
        if fits:
            good = sum(record["verdict"] == "good" for record in fits)
            yield f"| {title} | {good} of {len(fits)} | {_say(good == 0)} |"
    loops = [r["loop_mm"] for r in by_section.get(REAL_PAIR, []) if "loop_mm" in r]
    if loops:
        answer = f"at most {max(loops):.2f} mm in {len(loops)} places"
        yield f"| the real pair both ways within 0.25 mm | {answer} | {_say(max(loops) <= 0.25)} |"


def _say(is_met: bool) -> str:
    return "yes" if is_met else "no"


def _choose_ours(records: Sequence[Record]) -> list[Record]:
    return [record for record in records if record["method"] == "ours"]


def _join_errors(records: Sequence[Record]) -> FloatArray:
    errors: FloatArray = np.concatenate([record["tre_mm"] for record in records])
    return errors


def _build_row(name: str, records: Sequence[Record]) -> str:
    means = np.array([np.mean(record["tre_mm"]) for record in records])
    errors = _join_errors(records)
    seconds = float(np.median([record["seconds"] for record in records]))
    verdicts = "- | -"
    if "verdict" in records[0]:
        good = np.array([record["verdict"] == "good" for record in records])
        verdicts = f"{good.mean():.0%} | {int((good & (means > 1)).sum())}"
    return (
        f"| {name} | {len(records)} | {np.median(errors):.2f} | {np.percentile(errors, 95):.2f} | "
        f"{means.max():.2f} | {(means > 1).mean():.1%} | {(means > 3).mean():.1%} | "
        f"{seconds:.2f} | {verdicts} |"
    )


def _tell_set(records: Sequence[Record]) -> Iterable[str]:
    yield HEAD
    for method in dict.fromkeys(record["method"] for record in records):
        yield _build_row(method, [r for r in records if r["method"] == method])


def _tell_hard(records: Sequence[Record]) -> Iterable[str]:
    yield from _tell_set(records)
    yield from ("", "Ours, by what is hard:", "", HEAD)
    own_records = _choose_ours(records)
    for name in dict.fromkeys(record["name"] for record in own_records):
        yield _build_row(name, [r for r in own_records if r["name"] == name])


def _tell_dark(records: Sequence[Record]) -> Iterable[str]:
    yield "Treated marrow is dark and flat on fat-suppressed images, CSF pulsates, bowel changes"
    yield "(near the vertebra and up to twice as bright as CSF in half of the anatomies), all discs"
    yield "are dry in half of them, and the patient moves by some 0.4 mm between the sequences."
    yield "The seconds of a sequence in its visit are those of the whole visit."
    yield ""
    yield HEAD
    keys = dict.fromkeys((r["name"], r.get("how", r["method"])) for r in records)
    for name, how in sorted(keys):
        method_records = [
            r for r in records if (r["name"], r.get("how", r["method"])) == (name, how)
        ]
        yield _build_row(
            f"{name} {how}" if "how" in method_records[0] else f"{name}, {how}", method_records
        )
    visits: dict[str, bool] = {}
    for record in records:
        if record.get("how") == "in its visit":
            good = record["verdict"] == "good"
            visits[record["case"]] = visits.get(record["case"], False) or good
    yield ""
    yield (
        f"Of {len(visits)} visits {sum(visits.values())} are answered as good by at least one "
        "sequence."
    )


def _tell_opinion(records: Sequence[Record]) -> Iterable[str]:
    away = [record["away_mm"] for record in records if record["away_mm"] is not None]
    lost_count = sum(r["before"] == "good" and r["after"] != "good" for r in records)
    yield (
        f"Easy set, T1, {len(records)} pairs: SimpleITK (Mattes mutual information) lies "
        f"{np.median(away):.2f} mm (median) and {max(away):.2f} mm (at most) from ours; "
        f"{lost_count} good fits become doubtful. It takes "
        f"{np.median([record['seconds'] for record in records]):.2f} s a pair."
    )


def _tell_verdicts(records: Sequence[Record]) -> Iterable[str]:
    yield "| how | fits | failed | doubtful | good |"
    yield "|---|---|---|---|---|"
    for kind in [
        *dict.fromkeys(record.get("kind") for record in records if "kind" in record),
        None,
    ]:
        fits = [record for record in records if kind in (None, record.get("kind"))]
        counts = [
            str(sum(record["verdict"] == verdict for record in fits))
            for verdict in ("failed", "doubtful", "good")
        ]
        yield f"| {kind or 'all'} | {len(fits)} | " + " | ".join(counts) + " |"


def _tell_artefacts(records: Sequence[Record]) -> Iterable[str]:
    yield "T1 of the easy set, with one artefact at a time. x is left to right, through the slices;"
    yield "`centre` is the error of the vertebra's place and `turn` what its rotation adds at the"
    yield "landmarks, both as root mean squares. `rigid` is the p95 of the best rigid motion: what"
    yield "remains there cannot be registered rigidly."
    yield ""
    yield "| artefact | pairs | median mm | p95 mm | centre x, y, z | turn x, y, z | rigid mm |"
    yield "|---" * 7 + "|"
    for name in dict.fromkeys(record["name"] for record in records):
        records_of_name = [record for record in records if record["name"] == name]
        lengths = _join_errors(records_of_name)
        errors = [np.array(record["errors_mm"]) for record in records_of_name]
        places = np.array([points.mean(axis=0) for points in errors])
        turns = np.concatenate([points - points.mean(axis=0) for points in errors])
        rigid = np.concatenate([record["rigid_mm"] for record in records_of_name])
        yield (
            f"| {name} | {len(records_of_name)} | {np.median(lengths):.2f} | "
            f"{np.percentile(lengths, 95):.2f} | {_list_rms(places)} | {_list_rms(turns)} | "
            f"{np.percentile(rigid, 95):.2f} |"
        )


def _list_rms(errors: FloatArray) -> str:
    return ", ".join(f"{value:.2f}" for value in np.sqrt((errors**2).mean(axis=0)))


def _tell_real_pair(records: Sequence[Record]) -> Iterable[str]:
    yield "T1 of two dates and two scanners. `both ways` is how far points up to 15 mm from the"
    yield "centre end from where they were, carried there by one fit and back by the other."
    yield ""
    yield (
        "| what | offset mm (left, back, up) | turn | before | after | margin "
        "| inverse consistency mm | blocks mm | both ways mm | verdict |"
    )
    yield "|---" * 10 + "|"
    for r in records:
        x, y, z = r["offset_mm"]
        margin = "-" if r["margin"] is None else f"{r['margin']:.2f}"
        loop = f"{r['loop_mm']:.2f}" if "loop_mm" in r else "-"
        yield (
            f"| {r['name']} | {x:.1f}, {y:.1f}, {z:.1f} | {r['rotation_deg']:.1f} | "
            f"{r['before']:.2f} | {r['similarity']:.2f} | {margin} | {r['consistency_mm']:.2f} | "
            f"{r['blocks_mm']:.2f} | {loop} | {r['verdict']} |"
        )
    yield ""
    yield "STIR of the first date and T2 of the second: not comparable, left out. The follow-up has"
    yield "no STIR, and unlike sequences are not compared; `opp-mri align` says so for the visit."


def _tell_moved(records: Sequence[Record]) -> Iterable[str]:
    yield "Half a slice off, turned by up to 7 degrees, 20 to 30 mm along, noise, shading."
    yield ""
    yield "| series | fits | median mm | worst mm | good | good but > 1 mm |"
    yield "|---" * 6 + "|"
    for name in dict.fromkeys(record["name"] for record in records):
        records_of_name = [record for record in records if record["name"] == name]
        errors = np.array([record["error_mm"] for record in records_of_name])
        good = np.array([record["verdict"] == "good" for record in records_of_name])
        yield (
            f"| {name} | {len(records_of_name)} | {np.median(errors):.2f} | {errors.max():.2f} | "
            f"{good.sum()} | {int((good & (errors > 1)).sum())} |"
        )


SECTIONS = {
    EASY_T1: _tell_set,
    EASY_T2FS: _tell_set,
    HARD_T1: _tell_hard,
    DARK: _tell_dark,
    OPINION: _tell_opinion,
    WRONG: _tell_verdicts,
    GONE: _tell_verdicts,
    STRANGERS: _tell_verdicts,
    REAL_PAIR: _tell_real_pair,
    REAL_MOVED: _tell_moved,
    ARTEFACT: _tell_artefacts,
}

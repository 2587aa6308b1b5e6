"""Parts of the benchmark of speed: the store, registration, proposals and cohorts."""

import json
import math
import os
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from statsmodels.duration.hazard_regression import PHReg

from benchmarks import cohort, scale
from benchmarks.bench_rows import OURS, Row, Sizes
from opp_mri.cohort.statistics.hazards import fit_cox
from opp_mri.cohort.statistics.survival import Observed
from opp_mri.domain.assessment import Rules
from opp_mri.domain.measurement import Reading
from opp_mri.registration.align import align
from opp_mri.store.serial import to_json
from opp_mri.suggestion.images import build_ap_frame
from opp_mri.suggestion.propose import propose_visit
from opp_mri.workflow.assessing.respond import load_project_timelines
from opp_mri.workflow.cohort.cohort import Cohort
from opp_mri.workflow.cohort.exporting import ExportFormat, export_cohort
from opp_mri.workflow.project import create_project, open_project

sys.path.append(str(Path(__file__).parent))  # benchmarks that are scripts import each other so

READINGS_TOGETHER = 24_000
READINGS_OF_LESION = scale.VISITS * len(scale.SEQUENCES)
PLAIN = "plain sqlite3: rows and JSON only"


def measure_store(sizes: Sizes) -> Iterator[Row]:
    """Measure the timeline of one patient in stores of more and more readings."""
    with tempfile.TemporaryDirectory() as name:
        create_project(Path(name))
        peer = sqlite3.connect(Path(name, "peer.sqlite"))
        peer.execute("CREATE TABLE reading (key TEXT PRIMARY KEY, lesion TEXT, body TEXT)")
        peer.execute("CREATE INDEX of_lesion ON reading (lesion)")
        with open_project(Path(name)) as project, closing(peer):
            lesion_count = reading_count = 0
            for count in sizes.readings:
                appended_s, before, peer_appended_s = 0.0, reading_count, 0.0
                while reading_count < count:
                    lesions, readings = [], []
                    while reading_count + len(readings) < count and len(readings) < (
                        READINGS_TOGETHER
                    ):
                        lesions.append(scale.make_lesion(lesion_count))
                        readings += scale.make_readings(lesions[-1])
                        lesion_count += 1
                    project.store.add_lesions(lesions, scale.NOW)
                    appended_s += scale.spend(lambda r=readings: project.store.add_readings(r))
                    peer_appended_s += scale.spend(lambda r=readings: _append_plainly(peer, r))
                    reading_count += len(readings)
                numbers = range(0, lesion_count, max(1, lesion_count // 25))
                readers = (
                    (OURS, lambda n: load_project_timelines(project, [f"L{n}"]), appended_s),
                    (PLAIN, lambda n: _read_plainly(peer, f"L{n}"), peer_appended_s),
                )
                for reader, fetch, spent_s in readers:
                    times_s = [scale.spend(lambda n=n, f=fetch: f(n)) for n in numbers]
                    for case, seconds in (
                        ("timeline", statistics.median(times_s)),
                        ("append 1000 readings", 1000 * spent_s / (reading_count - before)),
                    ):
                        yield Row(
                            part="store", case=case, size=count, reader=reader, seconds=seconds
                        )


def _append_plainly(peer: sqlite3.Connection, readings: list[Reading]) -> None:
    """Do without chain, checks and refusals: what only keeps text."""
    with peer:
        peer.executemany(
            "INSERT INTO reading VALUES (?, ?, ?)",
            [(reading.reading_id, reading.lesion_id, to_json(reading)) for reading in readings],
        )


def _read_plainly(peer: sqlite3.Connection, lesion_id: str) -> None:
    rows = peer.execute("SELECT body FROM reading WHERE lesion = ?", (lesion_id,)).fetchall()
    assert len([json.loads(body) for (body,) in rows]) == READINGS_OF_LESION


def measure_cohort(sizes: Sizes) -> Iterator[Row]:
    working_folder = Path.cwd()
    for count in sizes.lesions_of_cohort:
        with tempfile.TemporaryDirectory() as name:
            lesions = cohort.make_cohort(count)
            whole = Cohort(lesions=lesions, rules=Rules(criteria=cohort.AMINI))
            export_cohort(whole, Path(name, "tables"), formats=[ExportFormat.CSV])
            for words in cohort.WORDS[: sizes.commands]:
                try:
                    _, seconds, _ = cohort.run(words, Path(name))
                finally:
                    os.chdir(working_folder)
                yield Row(
                    part="cohort",
                    case=" ".join(words[:2]) + (", PDF" if words[-1].endswith(".pdf") else ""),
                    size=count,
                    reader=OURS,
                    seconds=seconds,
                )
        yield from _measure_cox(count, sizes.rounds)


def _measure_cox(count: int, rounds: int) -> Iterator[Row]:
    """Measure Cox's model of three covariates on simulated lesions, next to statsmodels."""
    chance = np.random.default_rng(2016)
    covariates = {name: chance.normal(size=count).round(1) for name in ("dose", "age", "length")}
    days = chance.exponential(400 * np.exp(-0.3 * covariates["dose"])).round() + 1
    event = days < 700
    observed = Observed(duration_days=np.minimum(days, 700), event=event)
    table = np.column_stack([*covariates.values()])

    def fit() -> list[float]:
        hazards = fit_cox(observed, covariates).hazards
        return [math.log(hazard.ratio.value or math.nan) for hazard in hazards]

    def fit_peer() -> list[float]:
        model = PHReg(observed.duration_days, table, status=event.astype(int), ties="efron")
        return list(model.fit(disp=0).params)

    assert np.allclose(fit(), fit_peer(), atol=1e-4)
    times: dict[str, list[float]] = {OURS: [], "statsmodels PHReg": []}
    for _ in range(rounds):
        for name, run in ((OURS, fit), ("statsmodels PHReg", fit_peer)):
            times[name].append(scale.spend(lambda r=run: r()))
    for reader, seconds in times.items():
        yield Row(
            part="cohort", case="Cox's model, three covariates", size=count, reader=reader,
            seconds=statistics.median(seconds),
        )  # fmt: skip


def measure_registration(sizes: Sizes) -> Iterator[Row]:
    """Measure the fit of a pair of phantom scans, next to SimpleITK set up as well as we could."""
    from registration_cases import EASY_T1, get_pairs
    from registration_peers import Scan, simple_itk
    from registration_phantoms import Look, Motion, anatomy_of, lying, scan
    from registration_sets import Pair

    if sizes.pairs:
        pairs = get_pairs(EASY_T1, 0)[: sizes.pairs]
    else:
        patient = anatomy_of(0, coarse=True)
        first, second = (
            next(iter(scan(patient, n, lying(patient, n, Motion()), Look()).values()))
            for n in range(2)
        )
        pairs = [Pair(name="coarse", baseline=first, followup=second)]
    times: dict[str, list[float]] = {OURS: [], "SimpleITK, local correlation": []}
    errors: dict[str, list[float]] = {name: [] for name in times}
    for pair in pairs:
        start_s = time.process_time()
        fit = align(
            pair.baseline.volume, pair.followup.volume, centre_lps_mm=pair.baseline.centre_lps_mm,
            lesion_radius_mm=pair.baseline.shape.ap_mm / 2,
        )  # fmt: skip
        seconds = time.process_time() - start_s
        answers = {OURS: (fit.baseline_from_followup.invert().matrix, seconds)}
        scans = [Scan(_as_arrays(volume), "the") for volume in (pair.baseline, pair.followup)]
        answers["SimpleITK, local correlation"] = simple_itk(
            *scans, pair.baseline.centre_lps_mm, how="correlation"
        )
        for reader, (matrix, seconds) in answers.items():
            times[reader].append(seconds)
            errors[reader].append(float(np.mean(pair.tre_mm(matrix))))
    for reader, of_pairs in times.items():
        yield Row(
            part="registration", case="easy T1", size=len(pairs),
            seconds=statistics.median(of_pairs),
            reader=f"{reader} ({statistics.median(errors[reader]):.2f} mm)",
        )  # fmt: skip


def _as_arrays(scan: Any) -> dict[str, Any]:
    geometry = scan.volume.geometry
    names = ("spacing_kji_mm", "origin_lps_mm", "directions")
    arrays = {f"the_{name}": np.asarray(getattr(geometry, name)) for name in names}
    return arrays | {"the_voxels": scan.volume.voxels}


def measure_suggestion(sizes: Sizes) -> Iterator[Row]:
    """Measure proposals on phantom visits, next to methods of libraries on the same clicks."""
    from suggestion import METHODS, SEED, cut_clicked_slice
    from suggestion_phantoms import visits

    times: dict[str, list[float]] = {}
    for visit in visits(SEED, patients=1, lesions_each=sizes.visits):
        start_s = time.process_time()
        answers = propose_visit(visit.images, visit.click_lps_mm)
        seconds = (time.process_time() - start_s) / len(answers)
        times.setdefault(f"{OURS} proposal with its standard error", []).append(seconds)
        frame = build_ap_frame(visit.images[0], visit.click_lps_mm, visit.axis_lps)
        for image in visit.images:
            patch, seed = cut_clicked_slice(frame, image)
            for name, method in METHODS.items():
                start_s = time.process_time()
                method(patch, seed)
                times.setdefault(f"{name}, region only", []).append(time.process_time() - start_s)
    for reader, of_images in times.items():
        yield Row(
            part="suggestion", case="one image", size=sizes.visits, reader=reader,
            seconds=statistics.median(of_images),
        )  # fmt: skip

"""What a script learns that holds everything but the coordinator's credentials.

It holds a reader's packages, the protocol, the source code, and that reader's account of the
PostgreSQL database in which the project is kept. It tells the order of visits, which cases come
back, and which of A and B is its own reader, as well as it can; and it fetches all that the
database gives it. The same script with the coordinator's credentials is the control: it is right
each time, so that it fails for want of access and not of skill.

    PYTHONPATH=tests python tests/faults/blinding_table.py
"""

import argparse
import json
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import psycopg
from attrs import asdict, define, frozen
from fixtures.blinding_clues import GUESSES, headers
from fixtures.dicom_makers import T1, write_series
from fixtures.makers import NOON, make_lesion
from fixtures.postgresql import RECORDS, as_account, execute, running_server
from fixtures.small_study import declare, read_all
from scipy import stats

from opp_mri.domain.assessment import Mode
from opp_mri.domain.measurement import Reading
from opp_mri.domain.reader_study import IssuedPackage
from opp_mri.workflow.assessing.respond import load_project_rules
from opp_mri.workflow.catalogue.index import index
from opp_mri.workflow.double_read.consensus import prepare_consensus
from opp_mri.workflow.double_read.merge import merge_package
from opp_mri.workflow.double_read.packages import make_package
from opp_mri.workflow.project import create_project, open_project
from opp_mri.workflow.safekeeping.accounts import add_account

VISITS: Final = (date(2024, 1, 15), date(2024, 4, 1), date(2024, 9, 1))
OWN, OTHER = "reader-1", "reader-2"
ORDERS: Final = 6  # of three visits
CONFIDENCE: Final = 0.95


@define
class Row:
    """A line of the table.

    Parameters
    ----------
    chance
        Share that is right by chance.
    low, high
        Interval of 95% of the share that was right (Clopper and Pearson 1934).
    """

    secret: str
    tries: int
    right: int
    chance: float
    low: float = 0.0
    high: float = 1.0

    def __attrs_post_init__(self) -> None:
        test = stats.binomtest(self.right, self.tries)
        interval = test.proportion_ci(CONFIDENCE, method="exact")
        self.low, self.high = float(interval.low), float(interval.high)


@frozen
class Study:
    """A study in a database, with what the reader holds and the truth."""

    folder: Path
    packages: list[tuple[Path, IssuedPackage]]
    first: tuple[Path, IssuedPackage]
    pairs: list[tuple[Reading, Reading]]


@frozen
class Loot:
    """What an account gets from the database: the bodies of records, and all rows as text."""

    records: list[dict[str, Any]]
    rows: dict[str, int]
    text: str

    def of(self, name: str) -> list[dict[str, Any]]:
        """Return the records that have a field."""
        return [record for record in self.records if name in record]


def make_study(folder: Path, database: str, patients: int, packages: int) -> Study:
    """Make a project in a database; both readers read and send back, the first several times."""
    for number in range(patients):
        for visit, day in enumerate(VISITS):
            write_series(
                folder / "dicom", T1, study=f"{number + 1}{visit + 1}", slices=range(2),
                seed=3 * number + visit, PatientID=f"P{number}", StudyDate=f"{day:%Y%m%d}",
                FrameOfReferenceUID=f"1.2.9.{number + 1}.{visit + 1}",
                InstanceNumber=visit + 1, AcquisitionNumber=visit + 1, WindowCenter=100 + visit,
            )  # fmt: skip
    create_project(folder / "project", database)
    with open_project(folder / "project") as project:
        index(project, [folder / "dicom"], workers=1)
        project.store.add_lesions(
            [
                make_lesion(f"L{n}", patient_id=f"P{n}", tracking_uid=f"2.25.{n + 1}")
                for n in range(patients)
            ],
            NOON,
        )
        declare(project, folder, dates='"hidden"', repeats_share="0.5", washout_days="0")
        folders: dict[str, list[tuple[Path, IssuedPackage]]] = {OWN: [], OTHER: []}
        for reader, times in ((OWN, packages), (OTHER, 1)):
            for number in range(1 + times):
                target = folder / f"{reader}-{number}"
                issued_package = make_package(
                    project, reader, target, NOON, again=number > 1
                ).issued
                folders[reader].append((target, issued_package))
                if number in (0, times):
                    read_all(target, issued_package)
                    merge_package(project, target, NOON, unsealed=True)
        lesions = prepare_consensus(
            project, rules=load_project_rules(project, None, Mode.RETROSPECTIVE)
        )
    first, *later = folders[OWN]
    return Study(
        folder=folder, packages=later, first=first,
        pairs=[(pair.a, pair.b) for lesion in lesions for pair in lesion.pairs],
    )  # fmt: skip


def fetch(address: str) -> Loot:
    """Fetch all that an account may read, by SELECT and by COPY, and the server's statistics."""
    records: list[dict[str, Any]] = []
    rows: dict[str, int] = {}
    text = []
    with psycopg.connect(address, autocommit=True) as connection:
        tables = connection.execute(
            "SELECT format('%I.%I', schemaname, relname) FROM pg_stat_all_tables "
            "WHERE schemaname NOT IN ('pg_catalog', 'pg_toast')"
        ).fetchall()
        for (table,) in [*tables, ("pg_stats",), ("pg_stat_activity",)]:
            with suppress(psycopg.errors.InsufficientPrivilege):
                result = connection.execute(f"SELECT * FROM {table}").fetchall()  # type: ignore[arg-type]  # noqa: S608
                rows[table] = len(result)
                text.append(repr(result))
                with connection.cursor().copy(f"COPY (SELECT * FROM {table}) TO STDOUT") as copy:  # type: ignore[arg-type]  # noqa: S608
                    text += [bytes(part).decode() for part in copy]
        for (body,) in connection.execute(RECORDS).fetchall():
            with suppress(ValueError):
                records.append(json.loads(body))
    return Loot(records, rows, "".join(text))


# --- what the script tells ---


def tell_order(loot: Loot, package: Path, case: str) -> list[date]:
    """Return the shown days of a case in their order, as well as can be determined."""
    for issued_packages in loot.of("cases"):
        for package_case in issued_packages["cases"]:
            days = {date.fromisoformat(day) for day, _ in package_case["days"]}
            if package_case["code"] == case and days == {
                day for _, day, _ in headers(package)[case]
            }:
                pairs = sorted(package_case["days"], key=lambda pair: pair[1])
                return [date.fromisoformat(day) for day, _ in pairs]
    places: Counter[date] = Counter()  # the mean place over all clues
    for guess in GUESSES.values():
        for place, day in enumerate(guess(package, case)):
            places[day] += place
    return sorted(places, key=lambda day: places[day])


def tell_repeats(
    loot: Loot, first: Path, second: Path, count: int, chance: random.Random
) -> set[str]:
    """Return the cases that come back: those that share most values with the first package."""
    codes = sorted(headers(second))
    for issued_packages in reversed(loot.of("cases")):
        if {package_case["code"] for package_case in issued_packages["cases"]} == set(codes):
            return {
                package_case["code"]
                for package_case in issued_packages["cases"]
                if package_case.get("repeat")
            }
    value_counts: Counter[str] = Counter(
        value for case in headers(first).values() for value in values(case)
    )
    common = Counter(value for case in headers(second).values() for value in set(values(case)))
    score = {
        code: sum(1 for value in values(case) if value in value_counts and common[value] < 3)
        for code, case in headers(second).items()
    }
    return set(sorted(codes, key=lambda code: (-score[code], chance.random()))[:count])


def values(case: Sequence[tuple[Path, date, Any]]) -> list[str]:
    return [f"{element.tag}{element.value!r}" for _, _, header in case for element in header]


def tell_letter(loot: Loot, own: Reading) -> str:
    """Return the letter of the own answer of a pair."""
    other_id = str(uuid4())
    for record in loot.of("reading_id"):
        own_cell = (own.lesion_id, own.study_date.isoformat(), own.sequence.value)
        cell = (record.get("lesion_id"), record.get("study_date"), record.get("sequence"))
        if record.get("reader") == OTHER and not record.get("repeat") and cell == own_cell:
            other_id = str(record["reading_id"])
    lot = sha256(f"{own.reading_id}/{other_id}".encode()).digest()[0] % 2
    return "A" if lot else "B"


def attack(study: Study, address: str, chance: random.Random) -> tuple[list[Row], dict[str, int]]:
    """Play the script with the credentials of an account; gives the table, and rows it read."""
    loot = fetch(address)
    orders = repeats = cases = 0
    for folder, issued_package in study.packages:
        own = _only(loot, issued_package)
        for case in issued_package.cases:
            true_days = [day for day, _ in sorted(case.days, key=lambda pair: pair[1])]
            orders += tell_order(own, folder, case.code) == true_days
        true = {case.code for case in issued_package.cases if case.repeat}
        told_repeats = tell_repeats(own, study.first[0], folder, len(true), chance)
        repeats += len(true & told_repeats)
        cases += len(true)
    letters = 0
    for a, b in study.pairs:
        answer, letter = (a, "A") if a.reader == OWN else (b, "B")
        letters += tell_letter(loot, answer) == letter
    rest = {reading.reading_id for pair in study.pairs for reading in pair} - {
        reading.reading_id for pair in study.pairs for reading in pair if reading.reader == OWN
    }
    total = sum(len(package.cases) for _, package in study.packages)
    shares = [
        sum(case.repeat for case in package.cases) / len(package.cases)
        for _, package in study.packages
    ]
    table = [
        Row("order of a case's visits", total, orders, 1 / ORDERS),
        Row("cases that come back", cases, repeats, sum(shares) / len(shares)),
        Row("letter of the own answer", len(study.pairs), letters, 0.5),
        Row(
            "answers of the other reader",
            len(rest),
            sum(hidden_answer in loot.text for hidden_answer in rest),
            0,
        ),
    ]
    return table, loot.rows


def _only(loot: Loot, issued_package: IssuedPackage) -> Loot:
    """Return what is of one package, or of none: a package says which it is."""
    records = [r for r in loot.records if r.get("package_id") in (None, issued_package.package_id)]
    return Loot(records, loot.rows, loot.text)


def blinding_table(
    patients: int, packages: int, seed: int = 1, server: str = ""
) -> dict[str, tuple[list[Row], dict[str, int]]]:
    """Make a study and play the script, as the reader and, for control, as the coordinator."""
    if not server:
        with running_server() as address:
            return blinding_table(patients, packages, seed, address)
    chance = random.Random(seed)
    execute(f"{server}/postgres", "CREATE DATABASE blinding")
    database = f"{server}/blinding"
    account = "reader_of_blinding"
    try:
        with tempfile.TemporaryDirectory(prefix="opp_mri_blinding_") as folder:
            study = make_study(Path(folder), database, patients, packages)
            with open_project(Path(folder) / "project") as project:
                password = add_account(project, account, "reader", OWN)
            execute(database, "ANALYZE")
            return {
                "reader": attack(study, as_account(database, account, password), chance),
                "coordinator": attack(study, database, chance),
            }
    finally:
        with suppress(psycopg.Error):
            execute(database, f"DROP OWNED BY {account}", f"DROP ROLE {account}")
        execute(f"{server}/postgres", "DROP DATABASE blinding WITH (FORCE)")


def main() -> None:
    """Write the table; ends with 1 where the reader's script is better than chance."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--patients", type=int, default=40)
    parser.add_argument("--packages", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="print JSON, for programs")
    options = parser.parse_args()
    results = blinding_table(options.patients, options.packages)
    if options.json:
        print(
            json.dumps({name: [asdict(row) for row in rows] for name, (rows, _) in results.items()})
        )
    better = False
    for user, (rows, row_counts) in results.items():
        better |= user == "reader" and any(row.low > row.chance for row in rows)
        if options.json:
            continue
        print(f"with the credentials of the {user}")
        for row in rows:
            share = f"{row.right / row.tries:6.1%} ({row.low:.1%} to {row.high:.1%})"
            print(
                f"  {row.secret:30}{row.tries:5} tries {row.right:5} right {share:26} "
                f"chance {row.chance:.1%}"
            )
        print(
            "  rows read:",
            ", ".join(f"{name} {count}" for name, count in row_counts.items() if count),
        )
    sys.exit(int(better))


if __name__ == "__main__":
    main()

"""Exports as a whole: they import again unchanged, leak nothing, and are written whole or not."""

import contextlib
import io
import tempfile
import unicodedata
import zipfile
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from attrs import evolve
from fixtures.cohort_makers import AMINI, make_cohort
from fixtures.makers import make_lesion
from fixtures.parquet_text import write_as_csv
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from opp_mri import files as files_module
from opp_mri.cohort.export.deidentify import deidentify_lesions
from opp_mri.domain.assessment import Rules
from opp_mri.domain.imaging import SeriesRole
from opp_mri.domain.timeline import (
    EventKind,
    Exclusion,
    Observation,
    OtherBoneLesions,
    Timeline,
    TreatmentEvent,
)
from opp_mri.domain.visible_text import make_visible
from opp_mri.errors import InputError
from opp_mri.files import write_folder
from opp_mri.response.assessed import AssessedLesion
from opp_mri.response.classify import classify
from opp_mri.workflow.cohort import exporting
from opp_mri.workflow.cohort.cohort import Cohort, assess_table_cohort
from opp_mri.workflow.cohort.exporting import (
    ExportFormat,
    export_cohort,
    read_key,
)
from opp_mri.workflow.measuring.events import convert_events

RECORDED = ("lesions.csv", "measurements.csv", "events.csv")
EVERY_FORMAT = tuple(ExportFormat)

# ids, texts: whatever a table can hold, also what a spreadsheet would compute
ANY_TEXT = (
    (
        st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
        | st.sampled_from(
            ["=1+1", "+x", "-2", "@a", 'a "b", c', "two\nlines", "\N{NO-BREAK SPACE}a"]
        )
    )
    .map(str.strip)
    .filter(lambda text: make_visible(text) == text)
)  # what acts on a screen is refused
# an id with a character that does not show is refused
SOME_TEXT = ANY_TEXT.filter(lambda text: bool(text) and text.isprintable())
LENGTHS_MM = st.decimals(0, 999, places=1) | st.decimals(0, 99, places=4) | st.just(Decimal("7"))
DAYS = st.integers(-400, 4000)
LATER = st.integers(1, 4000)  # a retreatment comes after radiosurgery


def as_compared(text: str) -> str:
    """Names that differ by case, blanks or Unicode form only are refused as a mistake."""
    folded_text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return "".join(folded_text.split())


@st.composite
def observations(draw: st.DrawFn) -> dict[SeriesRole, tuple[Observation, ...]]:
    sequences = draw(st.sets(st.sampled_from(SeriesRole), max_size=3))
    return {
        sequence: tuple(
            Observation(day, draw(LENGTHS_MM))
            for day in sorted(draw(st.sets(DAYS, min_size=1, max_size=4)))
        )
        for sequence in SeriesRole
        if sequence in sequences
    }


EVENTS = st.one_of(
    st.builds(
        TreatmentEvent, DAYS, st.just(EventKind.OTHER_BONE_LESIONS),
        st.sampled_from([otherbonelesion.value for otherbonelesion in OtherBoneLesions]),
    ),
    st.builds(
        TreatmentEvent, DAYS, st.just(EventKind.EXCLUSION),
        st.sampled_from([member.value for member in Exclusion]),
    ),
    st.builds(
        TreatmentEvent, DAYS,
        st.sampled_from(
            [
                EventKind.SYSTEMIC_THERAPY_CHANGE, EventKind.FRACTURE, EventKind.EPIDURAL_GROWTH,
            ]
        ),
        ANY_TEXT,
    ),
    st.builds(TreatmentEvent, LATER, st.just(EventKind.LOCAL_RETREATMENT), ANY_TEXT),
)  # fmt: skip


@st.composite
def members(draw: st.DrawFn, lesion_id: str, patients: list[str]) -> AssessedLesion:
    fractions = draw(st.none() | st.integers(1, 30))
    last = draw(st.dates(date(1990, 1, 1), date(2012, 1, 1)))
    days = 0 if fractions == 1 else draw(st.integers(0, 20))
    patient_id = draw(st.sampled_from(patients))
    lesion = make_lesion(
        lesion_id,
        patient_id=patient_id,
        tracking_uid=f"2.25.{draw(st.integers(1, 2**100))}",
        level=draw(st.sampled_from(["C3", "T12", "L1", "L6", "S1"])),
        ssrs_first_date=last - timedelta(days=days),
        ssrs_last_date=last,
        dose_gy=draw(st.none() | st.decimals("0.5", 100, places=2)),
        fractions=fractions,
        histology=draw(ANY_TEXT),
        sex=draw(st.sampled_from(["M", "F", "O", ""])),
        age_years=draw(st.none() | st.integers(0, 120)),
        birth_year=draw(st.none() | st.integers(1900, 1989)),
        exclusions=tuple(
            lesion_of_cohort
            for lesion_of_cohort in Exclusion
            if lesion_of_cohort in draw(st.sets(st.sampled_from(Exclusion), max_size=2))
        ),
        death_date=draw(
            st.none() | st.integers(4001, 5000).map(lambda day: last + timedelta(days=day))
        ),
    )
    events = (*convert_events(lesion), *draw(st.lists(EVENTS, max_size=3)))
    timeline = Timeline(
        lesion_id=lesion_id,
        first_fraction_day=-days,
        observations=draw(observations()),
        events=events,
    )
    return AssessedLesion(
        lesion=lesion,
        timeline=timeline,
        assessment=classify(timeline, Rules(criteria=AMINI)),
    )


@st.composite
def cohorts(draw: st.DrawFn) -> Cohort:
    """Any cohort in which something was measured."""
    ids = draw(st.lists(SOME_TEXT, min_size=1, max_size=4, unique_by=as_compared))
    patients = draw(
        st.lists(SOME_TEXT, min_size=len(ids), max_size=len(ids), unique_by=as_compared)
    )
    # a patient of several lesions has one sex and age, so each lesion has a patient of its own
    lesions = tuple(
        draw(members(lesion_id, [patient]))
        for lesion_id, patient in zip(ids, patients, strict=True)
    )
    if not any(lesion.timeline.observations for lesion in lesions):
        first = lesions[0]
        timeline = evolve(
            first.timeline, observations={SeriesRole.T1: (Observation(-30, Decimal("9.0")),)}
        )
        second_lesion = evolve(
            first,
            timeline=timeline,
            assessment=classify(timeline, Rules(criteria=AMINI)),
        )
        lesions = (second_lesion, *lesions[1:])
    return cohort_of(lesions)


def cohort_of(lesions: tuple[AssessedLesion, ...]) -> Cohort:
    return Cohort(lesions=lesions, rules=Rules(criteria=AMINI))


@contextlib.contextmanager
def new_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name) / "export"


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def exported(cohort: Cohort, *formats: ExportFormat, **choices: object) -> dict[str, bytes]:
    with new_folder() as folder:
        export_cohort(cohort, folder, formats=formats, **choices)  # type: ignore[arg-type]
        return contents(folder)


def imported(cohort: Cohort) -> Cohort:
    with new_folder() as folder:
        export_cohort(cohort, folder, formats=[ExportFormat.CSV])
        return assess_table_cohort(folder, cohort.rules)


@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.too_slow])
@given(cohorts())
def test_what_is_exported_imports_again_unchanged(cohort: Cohort) -> None:
    back = imported(cohort)
    for lesion, case in zip(cohort.lesions, back.lesions, strict=True):
        assert case.timeline == lesion.timeline
        assert case.assessment == lesion.assessment
        assert case.patient_id == lesion.patient_id
        assert evolve(case.lesion, events=()) == evolve(lesion.lesion, events=())
        digits = [
            [str(o.ap_mm) for row in member.timeline.observations.values() for o in row]
            for member in (lesion, case)
        ]
        assert digits[0] == digits[1]
    assert imported(back) == back
    first, second = (exported(table, ExportFormat.CSV) for table in (cohort, back))
    assert {name: first[name] for name in RECORDED} == {name: second[name] for name in RECORDED}
    assert first["assessments.csv"] == second["assessments.csv"]


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(cohorts())
def test_parquet_imports_again_too(cohort: Cohort) -> None:
    with new_folder() as folder:
        export_cohort(cohort, folder, formats=[ExportFormat.PARQUET])
        for name in RECORDED:
            write_as_csv(folder / "parquet" / Path(name).with_suffix(".parquet"), folder / name)
        back = assess_table_cohort(folder, cohort.rules)
    for lesion, read_lesion in zip(cohort.lesions, back.lesions, strict=True):
        assert (read_lesion.timeline, read_lesion.assessment) == (
            lesion.timeline,
            lesion.assessment,
        )
        assert evolve(read_lesion.lesion, events=()) == evolve(lesion.lesion, events=())


@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.too_slow])
@given(cohorts())
def test_a_deidentified_export_imports_again_too(cohort: Cohort) -> None:
    with new_folder() as folder:
        export_cohort(cohort, folder, formats=[ExportFormat.CSV], deidentify=True)
        back = assess_table_cohort(folder, cohort.rules)
    assert imported(back) == back
    assert sorted(lesion.assessment.category for lesion in back.lesions) == sorted(
        lesion.assessment.category for lesion in cohort.lesions
    )


def test_the_same_cohort_gives_the_same_bytes_in_every_format() -> None:
    cohort = cohort_of(make_cohort(30))
    first = exported(cohort, *EVERY_FORMAT, margins=True)
    assert exported(cohort, *EVERY_FORMAT, margins=True) == first
    assert {name.split("/")[0] for name in first} >= PLACES
    assert b"margin_mm" in first["assessments.csv"].splitlines()[0]


PLACES = {"lesions.csv", "parquet", "cohort.xlsx", "redcap", "sdtm", "aggregated"}


def secretive(lesions: tuple[AssessedLesion, ...]) -> tuple[AssessedLesion, ...]:
    """Return lesions whose names and texts cannot come about by chance."""
    text = (EventKind.SYSTEMIC_THERAPY_CHANGE, "began pazopanib at Sankt-Beispiel")
    result = []
    for number, case in enumerate(lesions):
        patient_id, lesion_id = f"MRN{case.patient_id[1:]}77", f"XQ{number:04}ZJ"
        timeline = evolve(
            case.timeline,
            lesion_id=lesion_id,
            events=(*case.timeline.events, TreatmentEvent(33, *text)),
        )
        lesion = evolve(
            case.lesion,
            patient_id=patient_id, lesion_id=lesion_id, histology="chordoma, see Dr Probe",
            last_contact_date=case.lesion.ssrs_last_date + timedelta(days=900 + number),
        )  # fmt: skip
        assessment = evolve(case.assessment, lesion_id=lesion_id)
        result.append(evolve(case, lesion=lesion, timeline=timeline, assessment=assessment))
    return tuple(result)


def secrets_of(lesions: tuple[AssessedLesion, ...]) -> dict[str, set[str]]:
    """Return all that names somebody, by kind; dates in every form that a file may hold."""
    result: dict[str, set[str]] = {
        kind: set() for kind in ("patient", "lesion", "text", "date", "uid")
    }
    for lesion in lesions:
        result["patient"] |= {lesion.patient_id, lesion.lesion.patient_id}
        result["lesion"].add(lesion.lesion.lesion_id)
        result["uid"].add(lesion.lesion.tracking_uid)
        coded_kinds = (EventKind.OTHER_BONE_LESIONS, EventKind.EXCLUSION)
        result["text"] |= {
            e.value for e in lesion.timeline.events if e.kind not in coded_kinds and e.value
        }
        result["text"].add(lesion.lesion.histology)
        days = [
            lesion.lesion.ssrs_first_date,
            lesion.lesion.ssrs_last_date,
            lesion.lesion.death_date,
            lesion.lesion.last_contact_date,
        ]
        days += [
            lesion.lesion.ssrs_last_date + timedelta(days=o.days_from_ssrs)
            for row in lesion.timeline.observations.values()
            for o in row
        ]
        for day in filter(None, days):
            serial = (day - date(1899, 12, 30)).days  # of spreadsheets
            result["date"] |= {day.isoformat(), f"{day:%Y%m%d}", f"{day:%d.%m.%Y}", f">{serial}<"}
    return result


def readable(name: str, content: bytes) -> str:
    """Return all text of a file: what is packed in it too."""
    texts = [content.decode("utf-8", "replace")]
    if name.endswith(".xlsx"):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            texts += [archive.read(member).decode() for member in archive.namelist()]
    if name.endswith(".parquet"):
        table = pq.read_table(io.BytesIO(content))
        texts += [str(table.schema), str(table.to_pydict()), str(table.schema.metadata)]
        texts += [str(cell) for column in table.columns for cell in column.to_pylist()]
    return "\n".join(texts)


def leaks(files: dict[str, bytes], lesions: tuple[AssessedLesion, ...]) -> set[tuple[str, str]]:
    """Return each kind of secret that is found, with the ending of the file."""
    secrets = secrets_of(lesions)
    return {
        (kind, name.split("/")[0])
        for name, content in files.items()
        for text in [readable(name, content)]
        for kind, secret in secrets.items()
        if any(secret in text for secret in secret)
    }


@settings(deadline=None, max_examples=8)
@given(seed=st.integers(0, 2**30), size=st.integers(1, 12), key=st.none() | st.binary(min_size=16))
def test_no_name_date_or_free_text_is_in_any_byte_of_a_deidentified_export(
    seed: int, size: int, key: bytes | None
) -> None:
    lesions = secretive(make_cohort(size, seed))
    files = exported(cohort_of(lesions), *EVERY_FORMAT, deidentify=True, key=key)
    assert {name.split("/")[0] for name in files} >= PLACES
    assert leaks(files, lesions) == set()


def test_an_export_that_is_not_deidentified_is_full_of_them() -> None:
    lesions = secretive(make_cohort(6))
    result = leaks(exported(cohort_of(lesions), *EVERY_FORMAT), lesions)
    assert {kind for kind, _ in result} == {"patient", "lesion", "text", "date", "uid"}
    places = PLACES - {"aggregated"}
    assert {place for kind, place in result if kind == "date"} == places
    assert places <= {place for kind, place in result if kind == "patient"}


Mutation = Callable[[AssessedLesion, AssessedLesion], AssessedLesion]
LET_THROUGH: dict[str, tuple[Mutation, str]] = {
    "patient": (
        lambda bare, full: evolve(bare, lesion=evolve(bare.lesion, patient_id=full.patient_id)),
        "patient",
    ),
    "lesion": (
        lambda bare, full: evolve(
            bare, lesion=evolve(bare.lesion, lesion_id=full.lesion.lesion_id)
        ),
        "lesion",
    ),
    "histology": (
        lambda bare, full: evolve(
            bare, lesion=evolve(bare.lesion, histology=full.lesion.histology)
        ),
        "text",
    ),
    "events": (
        lambda bare, full: evolve(
            bare, timeline=evolve(bare.timeline, events=full.timeline.events)
        ),
        "text",
    ),
    "day 0": (
        lambda bare, full: evolve(
            bare,
            lesion=evolve(
                bare.lesion,
                ssrs_first_date=full.lesion.ssrs_last_date,
                ssrs_last_date=full.lesion.ssrs_last_date,
            ),
        ),
        "date",
    ),
    "last contact": (
        lambda bare, full: evolve(
            bare, lesion=evolve(bare.lesion, last_contact_date=full.lesion.last_contact_date)
        ),
        "date",
    ),
    "tracking UID": (
        lambda bare, full: evolve(
            bare, lesion=evolve(bare.lesion, tracking_uid=full.lesion.tracking_uid)
        ),
        "uid",
    ),
}


@pytest.mark.parametrize("field", LET_THROUGH)
def test_the_search_for_leaks_finds_one_field_of_one_lesion_that_is_let_through(
    field: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lesions = secretive(make_cohort(12))
    let_through, kind = LET_THROUGH[field]

    def mutated(lesions: tuple[AssessedLesion, ...], key: bytes) -> tuple[AssessedLesion, ...]:
        bare = deidentify_lesions(lesions, key)
        rows = [list(lesion.timeline.observations.values()) for lesion in lesions]
        full = lesions[rows.index(list(bare[0].timeline.observations.values()))]
        return (let_through(bare[0], full), *bare[1:])

    monkeypatch.setattr(exporting, "deidentify_lesions", mutated)
    files = exported(cohort_of(lesions), *EVERY_FORMAT, deidentify=True)
    assert {result for result, _ in leaks(files, lesions)} == {kind}


def test_each_file_that_holds_a_patient_is_searched() -> None:
    lesions = secretive(make_cohort(12))
    files = exported(cohort_of(lesions), *EVERY_FORMAT)
    for name, content in files.items():
        result = leaks({name: content}, lesions)
        silent = (
            "notes",
            "dictionary",
            "aggregated",
            "define",
            "events.csv",
            "visits",
            "instru",
            "repeating",
            "fa.csv",  # findings of visits, of which this cohort has none
        )
        assert bool(result) or any(word in name for word in silent), name


def test_small_counts_of_aggregated_tables_are_withheld_on_request() -> None:
    cohort = cohort_of(make_cohort(40))
    open_tables, hidden = (
        exported(cohort, ExportFormat.AGGREGATED, suppress_below=below) for below in (None, 5)
    )
    name = "aggregated/screening_and_flow.csv"
    assert b"<5" not in open_tables[name]
    assert b"<5" in hidden[name]
    assert b"Lesions: 40 of" in open_tables["notes.txt"]
    assert b"40 of" not in hidden["notes.txt"]


def test_a_key_is_a_file_that_cannot_be_guessed(tmp_path: Path) -> None:
    (tmp_path / "short").write_bytes(b"secret")
    (tmp_path / "key").write_bytes(bytes(range(32)))
    assert read_key(tmp_path / "key") == bytes(range(32))
    with pytest.raises(InputError, match="could be guessed"):
        read_key(tmp_path / "short")
    with pytest.raises(InputError, match="cannot be read"):
        read_key(tmp_path / "absent")


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "export"
    folder.mkdir()
    (folder / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="not empty: name a new folder"):
        export_cohort(cohort_of(make_cohort(3)), folder)
    assert contents(tmp_path) == {"export/mine.txt": b"mine"}


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    (tmp_path / "export").mkdir()
    export = export_cohort(
        cohort_of(make_cohort(3)), tmp_path / "export", formats=[ExportFormat.CSV]
    )
    assert set(contents(tmp_path / "export")) == set(export.files)


@pytest.mark.parametrize("stop", [KeyboardInterrupt(), OSError(28, "No space left on device")])
def test_whatever_stops_an_export_leaves_nothing_of_it(stop: BaseException, tmp_path: Path) -> None:
    def files() -> Iterator[tuple[str, bytes]]:
        yield "lesions.csv", b"a"
        yield "parquet/lesions.parquet", b"b"
        raise stop

    expected_error = InputError if isinstance(stop, OSError) else KeyboardInterrupt
    with pytest.raises(expected_error):
        write_folder(tmp_path / "export", files())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_said_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def to_a_full_disk(path: Path, content: bytes) -> None:  # noqa: ARG001
        with Path("/dev/full").open("wb") as file:
            file.write(content)

    monkeypatch.setattr(files_module, "_write", to_a_full_disk)
    with pytest.raises(InputError, match="No space left on device"):
        export_cohort(cohort_of(make_cohort(3)), tmp_path / "export")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_said_in_words(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="name a new folder in one that exists"):
        export_cohort(cohort_of(make_cohort(3)), tmp_path / "absent" / "export")


def test_a_cohort_without_lesions_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no lesion"):
        export_cohort(cohort_of(()), tmp_path / "export")

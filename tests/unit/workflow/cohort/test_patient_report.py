"""What a patient's report takes from a project."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from attrs import evolve
from fixtures.makers import NOON, STUDIES, make_lesion, study_volume

from opp_mri.cohort.report.patient import PatientReport, render_patient_html
from opp_mri.domain.assessment import Criteria, Mode, Reason, Rules
from opp_mri.domain.imaging import SeriesRole, VolumeDescription
from opp_mri.domain.measurement import (
    Answer,
    Caliper,
    LengthSource,
    Reading,
    Signature,
)
from opp_mri.domain.reader_study import CONSENSUS, ReadingProtocol
from opp_mri.errors import UnknownError
from opp_mri.store.sql import SqlStore
from opp_mri.workflow.cohort.patient_report import build_patient_report
from opp_mri.workflow.project import Project, Settings
from opp_mri.workflow.safekeeping.audit import verify

T1 = SeriesRole.T1
LENGTHS = {"before": "15.0", "after": "19.0", "later": "24.0"}


def a_reading(study: str, reader: str = "A", **changes: object) -> Reading:
    """A length on T1, drawn on the second image of the study's series."""
    values: dict[str, object] = {
        "reading_id": f"{reader}-{study}",
        "lesion_id": "L",
        "sequence": T1,
        "reader": reader,
        "study_date": STUDIES[study],
        "answer": Answer.MEASURED,
        "length_mm": Decimal(LENGTHS[study]),
        "length_source": LengthSource.GEOMETRY,
        "caliper": Caliper(
            sop_instance_uid=f"1.{study}.T1.2",
            frame_number=1,
            start=(10.0, 10.0),
            end=(20.0, 10.0),
            start_lps_mm=(0.0, 0.0, 0.0),
            end_lps_mm=(0.0, float(LENGTHS[study]), 0.0),
            frame_of_reference_uid=f"frame-{study}",
        ),
        "recorded_at": NOON,
    }
    return Reading(**values | changes)


@pytest.fixture
def report(store: SqlStore, tmp_path: Path) -> Callable[..., PatientReport]:
    def make(*readings: Reading, patient_id: str = "P1", mode: Mode = Mode.RETROSPECTIVE):
        store.add_readings(readings)
        return build_patient_report(
            Project(folder=tmp_path, settings=Settings(), store=store),
            patient_id,
            Rules(criteria=Criteria(name="amini-2016"), mode=mode),
            written_on=date(2026, 1, 2),
        )

    return make


def all_three(**changes: object) -> list[Reading]:
    return [a_reading(study, **changes) for study in LENGTHS]


def test_each_visit_has_its_date_its_length_and_the_image_it_was_measured_on(report) -> None:
    (lesion,) = report(*all_three()).lesions
    assert [visit.study_date for visit in lesion.visits] == list(STUDIES.values())
    assert [visit.days_from_ssrs for visit in lesion.visits] == [-17, 90, 213]
    lengths = [visit.lengths[T1] for visit in lesion.visits]
    assert [length.length_mm for length in lengths] == [Decimal(mm) for mm in LENGTHS.values()]
    assert {length.image for length in lengths} == {"series 1"}
    assert lesion.assessment.reason is Reason.PERSISTENT_ENLARGEMENT


def test_a_visit_says_why_there_is_no_length_or_where_it_comes_from(report) -> None:
    (lesion,) = report(
        a_reading("before", caliper=None, length_source=LengthSource.IMPORTED),
        a_reading(
            "after",
            answer=Answer.NOT_MEASURABLE,
            length_mm=None,
            length_source=None,
            caliper=None,
            reason="metal",
        ),
    ).lesions
    remarks = [visit.lengths[T1].remark for visit in lesion.visits]
    assert remarks == ["imported", "not measurable: metal", "not read"]


def test_readings_of_a_table_are_said_not_to_be_signed(report) -> None:
    (lesion,) = report(*all_three()).lesions
    assert list(lesion.read_by) == [
        "Read by A alone.",
        "3 of 3 answers were handed over in a table and not signed.",
    ]


def test_who_signed_and_when_is_said(report, store: SqlStore) -> None:
    readings = all_three(draft=True)
    store.add_readings(readings)
    store.add_signature(
        Signature(
            signature_id="S",
            lesion_id="L",
            reader="A",
            reading_ids=tuple(reading.reading_id for reading in readings),
            statement="I read this.",
            recorded_at=datetime(2024, 9, 2, 8, 30, tzinfo=UTC),
        )
    )
    (lesion,) = report().lesions
    assert list(lesion.read_by) == [
        "Read by A alone.",
        "3 of 3 answers signed by A on 2024-09-02 08:30 UTC.",
    ]


def test_a_consensus_names_its_two_readers(report, store: SqlStore) -> None:
    store.add_to_log([ReadingProtocol(name="two", readers=("Ana", "Ben"))])
    result = report(*all_three(reader=CONSENSUS))
    assert result.lesions[0].read_by[0] == "A consensus of Ana and Ben."
    assert result.facts.readers == (CONSENSUS,)


def at_3_t(volume: VolumeDescription) -> VolumeDescription:
    return evolve(volume, instance=evolve(volume.instance, magnetic_field_strength=3.0))


def test_what_limits_the_comparison_is_said_once_with_all_its_studies(
    report, store: SqlStore, fill: Callable[[SqlStore, list[VolumeDescription]], None]
) -> None:
    volumes = [study_volume(study, T1) for study in STUDIES]
    fill(store, [volumes[0], *(at_3_t(volume) for volume in volumes[1:])])
    (lesion,) = report(*all_three()).lesions
    assert list(lesion.flags) == [
        "Field strength differs: 1.5 T, then 3 T. (T1 of 2024-05-01, 2024-09-01)"
    ]


def test_an_open_enlarging_lesion_has_its_outlook_as_known_today_and_no_other_has(report) -> None:
    readings = [a_reading("before"), a_reading("after")]
    assert report(*readings).lesions[0].outlook is None
    known_today = report(mode=Mode.PROSPECTIVE).lesions[0]
    assert known_today.outlook is not None
    assert known_today.outlook.sentence in render_patient_html(report(mode=Mode.PROSPECTIVE))


def test_a_lesion_without_a_measurement_is_named_as_one_without_an_answer(
    report, store: SqlStore
) -> None:
    store.add_lesions([make_lesion("M", tracking_uid="2.25.2")], NOON)
    result = report(*all_three())
    assert [lesion.lesion.lesion_id for lesion in result.lesions] == ["L"]
    assert list(result.without_answer) == ["M"]


def test_the_hash_is_that_of_the_patients_data_and_changes_with_a_length(report) -> None:
    first = report(*all_three()).facts.data_sha256
    again = report().facts.data_sha256
    changed_report = report(
        a_reading(
            "later",
            reading_id="new",
            length_mm=Decimal("24.1"),
            caliper=None,
            length_source=LengthSource.IMPORTED,
        )
    )
    assert first == again != changed_report.facts.data_sha256


def test_the_head_of_the_chain_is_printed_and_moves_on_with_every_record(
    report, store: SqlStore
) -> None:
    """Kept on paper, it shows later whether the records are those of the report."""
    first = report(*all_three())
    head = store.get_head()
    assert (first.facts.records, first.facts.records_head) == (head.sequence_number, head.hash)
    html = render_patient_html(first)
    assert head.hash in html
    assert verify(store, head.hash).faults == ()
    store.add_lesions(store.get_lesions(), NOON)
    assert report().facts.records_head == store.get_head().hash != head.hash
    assert verify(store, head.hash).faults == ()  # a head proves what was recorded before it
    assert verify(store, "0" * 63 + "1").faults != ()


def test_a_patient_without_a_lesion_is_an_error_that_does_not_name_the_patient(report) -> None:
    with pytest.raises(UnknownError, match="no lesion of this patient") as error_info:
        report(patient_id="Nobody")
    assert "Nobody" not in str(error_info.value)

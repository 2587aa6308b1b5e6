"""The SDTM-shaped domains of a cohort, held against SDTMIG 3.4."""

import csv
import io
from datetime import date, timedelta
from decimal import Decimal

import pytest
from attrs import evolve
from fixtures.cohort_makers import make_cohort
from fixtures.visit_makers import with_visits
from hypothesis import given
from hypothesis import strategies as st

from opp_mri.cohort.export.sdtm import RESPONSE, RULE, compute_study_day
from opp_mri.cohort.export.sdtm_files import build_sdtm_tables, render_sdtm_files
from opp_mri.units import count_days

COHORT = with_visits(make_cohort(60))
FILES = render_sdtm_files(COHORT)
# the order of the variables in SDTMIG 3.4; the ones that a cohort cannot fill are left out
ORDER = {
    "dm": "STUDYID DOMAIN USUBJID SUBJID RFSTDTC RFENDTC RFXSTDTC RFXENDTC RFICDTC RFPENDTC DTHDTC "
    "DTHFL SITEID BRTHDTC AGE AGEU SEX RACE ETHNIC ARMCD ARM ACTARMCD ACTARM ARMNRS ACTARMUD "
    "COUNTRY",
    "tu": "STUDYID DOMAIN USUBJID TUSEQ TUGRPID TUREFID TUSPID TULNKID TULNKGRP TUTESTCD TUTEST "
    "TUORRES TUSTRESC TUNAM TULOC TULAT TUDIR TUPORTOT TUMETHOD TULOBXFL TUBLFL TUEVAL TUEVALID "
    "TUACPTFL VISITNUM VISIT VISITDY TAETORD EPOCH TUDTC TUDY",
    "tr": "STUDYID DOMAIN USUBJID TRSEQ TRGRPID TRREFID TRSPID TRLNKID TRLNKGRP TRTESTCD TRTEST "
    "TRORRES TRORRESU TRSTRESC TRSTRESN TRSTRESU TRSTAT TRREASND TRNAM TRMETHOD TRLOBXFL TRBLFL "
    "TREVAL TREVALID TRACPTFL VISITNUM VISIT VISITDY TAETORD EPOCH TRDTC TRDY",
    "rs": "STUDYID DOMAIN USUBJID RSSEQ RSGRPID RSREFID RSSPID RSLNKID RSLNKGRP RSTESTCD RSTEST "
    "RSCAT RSSCAT RSORRES RSORRESU RSSTRESC RSSTRESN RSSTRESU RSSTAT RSREASND RSNAM RSMETHOD "
    "RSLOBXFL RSBLFL RSDRVFL RSEVAL RSEVALID RSACPTFL VISITNUM VISIT VISITDY TAETORD EPOCH RSDTC "
    "RSDY",
    "fa": "STUDYID DOMAIN USUBJID FASEQ FAGRPID FASPID FALNKID FATESTCD FATEST FAOBJ FACAT FASCAT "
    "FAORRES FAORRESU FASTRESC FASTRESN FASTRESU FASTAT FAREASND FALOC FALOBXFL FABLFL FAEVAL "
    "VISITNUM VISIT VISITDY TAETORD EPOCH FADTC FADY",
    "supptu": "STUDYID RDOMAIN USUBJID IDVAR IDVARVAL QNAM QLABEL QVAL QORIG QEVAL",
}
LABELS = {
    "TUDTC": "Date/Time of Tumor/Lesion Identification",
    "TRSTRESN": "Numeric Result/Finding in Standard Units",
    "TRMETHOD": "Method Used to Identify the Tumor/Lesion",
    "TRDY": "Study Day of Tumor/Lesion Measurement",
    "RSLNKGRP": "Link Group ID",
    "RSCAT": "Category for Assessment",
    "RSDTC": "Date/Time of Assessment",
    "RFSTDTC": "Subject Reference Start Date/Time",
}


def rows_of(domain: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(FILES[f"{domain}.csv"].decode(), newline="")))


@pytest.mark.parametrize("domain", ORDER)
def test_variables_stand_in_the_order_of_the_guide(domain: str) -> None:
    result, standard_order = list(rows_of(domain)[0]), ORDER[domain].split()
    assert [name for name in standard_order if name in result] == result


def test_labels_are_those_of_the_guide_and_short_enough() -> None:
    labels = {row["variable"]: row["label"] for row in rows_of("define")}
    assert {name: labels[name] for name in LABELS} == LABELS
    assert all(len(label) <= 40 for label in labels.values())


def test_the_dictionary_has_each_variable_with_role_and_core() -> None:
    described_variables = [(row["dataset"].lower(), row["variable"]) for row in rows_of("define")]
    assert described_variables == [(d, name) for d in ORDER for name in rows_of(d)[0]]
    assert {row["core"] for row in rows_of("define")} == {"Req", "Exp", "Perm"}
    assert {row["type"] for row in rows_of("define")} == {"Char", "Num"}


@pytest.mark.parametrize("domain", ["tu", "tr", "rs"])
def test_a_sequence_number_is_there_once_for_a_subject(domain: str) -> None:
    keys = [(row["USUBJID"], row[f"{domain.upper()}SEQ"]) for row in rows_of(domain)]
    assert len(set(keys)) == len(keys)
    assert {row["USUBJID"] for row in rows_of(domain)} <= {row["USUBJID"] for row in rows_of("dm")}


@pytest.mark.parametrize("domain", ["tu", "tr", "rs"])
def test_a_required_variable_is_never_empty(domain: str) -> None:
    required_variables = [
        row["variable"]
        for row in rows_of("define")
        if row["core"] == "Req" and row["dataset"].lower() == domain
    ]
    assert len(required_variables) == 6
    assert all(row[name] for row in rows_of(domain) for name in required_variables)


def test_names_and_codes_of_tests_are_as_short_as_sdtm_wants() -> None:
    for code, name in (RESPONSE, RULE):
        assert len(code) <= 8
        assert len(name) <= 40
    assert {row["RSCAT"] for row in rows_of("rs")} == {"AMINI 2016"}
    assert {row["RSTEST"] for row in rows_of("rs")} == {RESPONSE[1], RULE[1]}
    assert not [row for row in rows_of("rs") if row["RSTESTCD"] in {"OVRLRESP", "TRGRESP"}]


def test_each_length_is_a_diameter_in_mm_that_links_to_its_lesion() -> None:
    lesions = {row["TULNKID"] for row in rows_of("tu")}
    rows = rows_of("tr")
    assert {(row["TRTESTCD"], row["TRORRESU"], row["TRMETHOD"]) for row in rows} == {
        ("DIAMETER", "mm", "MRI")
    }
    assert {row["TRLNKID"] for row in rows} <= lesions
    lengths = [
        o.ap_mm for lesion in COHORT for row in lesion.timeline.observations.values() for o in row
    ]
    assert sorted(Decimal(row["TRORRES"]) for row in rows) == sorted(lengths)
    flagged_rows = [row for row in rows if row["TRLOBXFL"] == "Y"]
    assert len({(row["TRLNKID"], row["TRGRPID"]) for row in flagged_rows}) == len(flagged_rows)


@given(st.dates(), st.integers(-5000, 5000))
def test_there_is_no_study_day_0(reference: date, days: int) -> None:
    try:
        day = reference + timedelta(days=days)
    except OverflowError:
        return
    study_day = compute_study_day(reference, day)
    assert study_day == (days + 1 if days >= 0 else days)
    assert study_day != 0


def test_study_days_count_from_the_reference_date_of_the_subject() -> None:
    references = {row["USUBJID"]: date.fromisoformat(row["RFSTDTC"]) for row in rows_of("dm")}
    for row in rows_of("tr"):
        day = count_days(references[row["USUBJID"]], date.fromisoformat(row["TRDTC"]))
        assert int(row["TRDY"]) == (day + 1 if day >= 0 else day)


def test_two_lesions_of_a_patient_share_the_first_reference_date_and_the_visits() -> None:
    case, second_lesion = COHORT[0], COHORT[1]
    later = case.lesion.ssrs_last_date + timedelta(days=30)
    second_lesion = evolve(
        second_lesion,
        lesion=evolve(
            second_lesion.lesion,
            patient_id=case.patient_id,
            ssrs_first_date=later,
            ssrs_last_date=later,
        ),
    )
    dm, tu, tr, _, _, supptu = build_sdtm_tables([case, second_lesion])
    assert dm.get_column("RFSTDTC") == [case.lesion.ssrs_last_date]
    assert tu.get_column("TUSEQ") == [1, 2]
    visits = set(zip(tr.get_column("VISITNUM"), tr.get_column("TRDTC"), strict=True))
    by_visit = sorted((number, str(day)) for number, day in visits)  # type: ignore[type-var]
    assert [number for number, _ in by_visit] == list(range(1, len(by_visit) + 1))
    assert [day for _, day in by_visit] == sorted(day for _, day in by_visit)
    values = dict(zip(zip(supptu.get_column("IDVARVAL"), supptu.get_column("QNAM"), strict=True),
                    supptu.get_column("QVAL"), strict=True))  # fmt: skip
    assert values["2", "SSRSLAST"] == later.isoformat()


def test_a_sex_that_sdtm_has_no_code_for_is_unknown() -> None:
    other_lesion = evolve(COHORT[0], lesion=evolve(COHORT[0].lesion, sex="O"))
    assert build_sdtm_tables([other_lesion])[0].get_column("SEX") == ["U"]


def test_the_study_id_begins_every_subject() -> None:
    dm = build_sdtm_tables(COHORT[:1], study_id="XY-1")[0]
    assert (dm.get_column("STUDYID"), dm.get_column("USUBJID")) == (["XY-1"], ["XY-1-P00001"])

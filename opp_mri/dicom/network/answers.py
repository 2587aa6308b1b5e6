"""Answers of an archive to queries: only what was asked for, and only UIDs that are UIDs."""

from collections.abc import Iterable
from datetime import date
from typing import Final

from pydicom import Dataset

from opp_mri.dicom.headers.values import (
    convert_to_day,
    convert_to_integer,
    convert_to_text,
    convert_to_texts,
)
from opp_mri.domain.peer import RemoteInstance, RemoteSeries, RemoteStudy, StudyQuery, is_uid

STUDY_KEYS: Final = (
    *("PatientID", "StudyInstanceUID", "StudyDate", "StudyDescription", "ModalitiesInStudy"),
    *("NumberOfStudyRelatedSeries", "NumberOfStudyRelatedInstances"),
)
SERIES_KEYS: Final = (
    *("SeriesInstanceUID", "Modality", "SeriesNumber", "SeriesDescription"),
    "NumberOfSeriesRelatedInstances",
)
INSTANCE_KEYS: Final = ("SOPInstanceUID", "InstanceNumber")


def query_values(query: StudyQuery) -> dict[str, str]:
    """Return the matching keys of a query for studies, without those that restrict nothing."""
    values = {
        "PatientID": query.patient_id,
        "PatientName": query.patient_name,
        "StudyInstanceUID": query.study_instance_uid,
        "StudyDate": _format_date_range(query.earliest, query.latest),
        "ModalitiesInStudy": query.modality,
    }
    return {keyword: value for keyword, value in values.items() if value}


def _format_date_range(earliest: date | None, latest: date | None) -> str:
    if earliest is None and latest is None:
        return ""
    first, last = (f"{day:%Y%m%d}" if day else "" for day in (earliest, latest))
    return first if first == last else f"{first}-{last}"


def understand_studies(answers: Iterable[Dataset], query: StudyQuery) -> list[RemoteStudy]:
    """Return the studies that fit the query, each once; a server may send others."""
    studies: dict[str, RemoteStudy] = {}
    for answer in answers:
        study = RemoteStudy(
            patient_id=convert_to_text(answer.get("PatientID")),
            study_instance_uid=convert_to_text(answer.get("StudyInstanceUID")),
            study_date=convert_to_day(answer.get("StudyDate")),
            study_description=convert_to_text(answer.get("StudyDescription")),
            modalities=convert_to_texts(answer.get("ModalitiesInStudy")),
            series_count=convert_to_integer(answer.get("NumberOfStudyRelatedSeries")),
            instance_count=convert_to_integer(answer.get("NumberOfStudyRelatedInstances")),
        )
        if is_uid(study.study_instance_uid) and _may_match(study, query):
            studies.setdefault(study.study_instance_uid, study)
    return sorted(
        studies.values(),
        key=lambda study: (
            study.patient_id,
            study.study_date or date.min,
            study.study_instance_uid,
        ),
    )


def _may_match(study: RemoteStudy, query: StudyQuery) -> bool:
    wanted_id, wanted_uid = query.patient_id, query.study_instance_uid
    if wanted_id and not {"*", "?"} & set(wanted_id) and study.patient_id != wanted_id.strip():
        return False
    if wanted_uid and study.study_instance_uid != wanted_uid:
        return False
    if query.modality and study.modalities and query.modality not in study.modalities:
        return False
    day = study.study_date
    too_early = day and query.earliest and day < query.earliest
    return not too_early and not (day and query.latest and day > query.latest)


def understand_series(answers: Iterable[Dataset], study: RemoteStudy) -> list[RemoteSeries]:
    """Return the series of a study, each once."""
    series: dict[str, RemoteSeries] = {}
    for answer in answers:
        uid = convert_to_text(answer.get("SeriesInstanceUID"))
        stated_uid = convert_to_text(answer.get("StudyInstanceUID"))
        if is_uid(uid) and stated_uid in ("", study.study_instance_uid):
            series.setdefault(
                uid,
                RemoteSeries(
                    study=study,
                    series_instance_uid=uid,
                    modality=convert_to_text(answer.get("Modality")),
                    series_number=convert_to_integer(answer.get("SeriesNumber")),
                    series_description=convert_to_text(answer.get("SeriesDescription")),
                    instance_count=convert_to_integer(answer.get("NumberOfSeriesRelatedInstances")),
                ),
            )
    return sorted(
        series.values(),
        key=lambda series_answer: (
            series_answer.series_number or 0,
            series_answer.series_instance_uid,
        ),
    )


def understand_instances(answers: Iterable[Dataset], series: RemoteSeries) -> list[RemoteInstance]:
    """Return the instances of a series, each once, in the order of their numbers."""
    instances: dict[str, RemoteInstance] = {}
    for answer in answers:
        uid = convert_to_text(answer.get("SOPInstanceUID"))
        stated_uid = convert_to_text(answer.get("SeriesInstanceUID"))
        if is_uid(uid) and stated_uid in ("", series.series_instance_uid):
            number = convert_to_integer(answer.get("InstanceNumber"))
            instances.setdefault(uid, RemoteInstance(sop_instance_uid=uid, instance_number=number))
    return sorted(
        instances.values(),
        key=lambda instance_answer: (
            instance_answer.instance_number or 0,
            instance_answer.sop_instance_uid,
        ),
    )

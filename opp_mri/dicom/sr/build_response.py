"""The response of a lesion as a report of its own.

Its title is "Oncology Measurement Report": viewers look for lengths in imaging measurement reports
only, and here are none. The categories are coded in our own scheme, because those of DICOM
(112041 to 112047) mean RECIST.
"""

from typing import Final

import highdicom.sr as hd
from highdicom.sr import RelationshipTypeValues
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code

from opp_mri.dicom.sr.build import build_observer_context
from opp_mri.dicom.sr.concepts import (
    CATEGORIES,
    CAUTION,
    CRITERIA,
    CURRENT_RESPONSE,
    DECIDING_SEQUENCE,
    DISCORDANT,
    LESION_ID,
    MODE,
    PERFORMING,
    PROCEDURE,
    QUALITATIVE_EVALUATIONS,
    RESPONSE_REPORT,
    RULE,
    SENTENCE,
    SEQUENCES,
    SSRS_COMPLETION,
    STUDY_DAY,
    TRACKING_IDENTIFIER,
    TRACKING_UID,
    build_private_code,
    build_rule_code,
    build_vertebra_code,
)
from opp_mri.dicom.sr.report import ResponseReport

_CONTAINS: Final = RelationshipTypeValues.CONTAINS
_YES: Final = Code("373066001", "SCT", "Yes")
_NO: Final = Code("373067005", "SCT", "No")


def build_response_content(report: ResponseReport) -> Dataset:
    """Build the root container of a response report."""
    root = hd.ContainerContentItem(name=RESPONSE_REPORT, template_id="1500")
    root.ContentSequence = hd.ContentSequence()
    root.ContentSequence.extend(
        hd.LanguageOfContentItemAndDescendants(hd.CodedConcept("en", "RFC5646", "English"))
    )
    root.ContentSequence.extend(
        hd.ObservationContext(
            observer_person_context=build_observer_context(report.reader, PERFORMING)
        )
    )
    root.ContentSequence.append(
        _build_code_item(
            Code("121058", "DCM", "Procedure reported"), PROCEDURE,
            RelationshipTypeValues.HAS_CONCEPT_MOD,
        )
    )  # fmt: skip
    evaluations = hd.ContainerContentItem(name=QUALITATIVE_EVALUATIONS, relationship_type=_CONTAINS)
    evaluations.ContentSequence = hd.ContentSequence()
    evaluations.ContentSequence.extend(_build_evaluations(report))
    root.ContentSequence.append(evaluations)
    return root


def _build_evaluations(report: ResponseReport) -> list[hd.value_types.ContentItem]:
    deciding_sequence = report.deciding_sequence
    items: list[hd.value_types.ContentItem] = [
        _build_text_item(TRACKING_IDENTIFIER, f"opp_mri:{report.lesion_id}"),
        hd.UIDRefContentItem(
            name=TRACKING_UID, value=report.lesion_uid, relationship_type=_CONTAINS
        ),
        _build_text_item(LESION_ID, report.lesion_id),
        _build_code_item(
            Code("363698007", "SCT", "Finding Site"), build_vertebra_code(report.level)
        ),
        _build_code_item(CURRENT_RESPONSE, CATEGORIES[report.category]),
        _build_code_item(RULE, build_rule_code(report.rule)),
        *(
            []
            if deciding_sequence is None
            else [_build_code_item(DECIDING_SEQUENCE, SEQUENCES[deciding_sequence])]
        ),
        _build_code_item(DISCORDANT, _YES if report.discordant else _NO),
        _build_code_item(MODE, build_private_code(report.mode.value, report.mode.value)),
        _build_text_item(CRITERIA, report.criteria),
        *(
            _build_code_item(
                CAUTION, build_private_code(caution.value, caution.value.replace("_", " "))
            )
            for caution in report.cautions
        ),
        *(_build_text_item(SENTENCE, sentence) for sentence in report.sentences),
        _build_text_item(STUDY_DAY, report.study_date.isoformat()),
        hd.LongitudinalTemporalOffsetFromEvent(
            value=report.last_day,
            unit=Code("d", "UCUM", "day"),
            event_type=SSRS_COMPLETION,
        ),
        *(
            hd.ImageContentItem(
                name=Code("260753009", "SCT", "Source"),
                referenced_sop_class_uid=image.sop_class_uid,
                referenced_sop_instance_uid=image.sop_instance_uid,
                referenced_frame_numbers=None
                if image.frame_number is None
                else [image.frame_number],
                relationship_type=_CONTAINS,
            )
            for image in report.images
        ),
    ]
    items[-1 - len(report.images)].RelationshipType = _CONTAINS.value
    return items


def _build_code_item(
    name: Code, value: Code, relationship: RelationshipTypeValues = _CONTAINS
) -> hd.CodeContentItem:
    return hd.CodeContentItem(name=name, value=value, relationship_type=relationship)


def _build_text_item(name: Code, value: str) -> hd.TextContentItem:
    return hd.TextContentItem(name=name, value=value, relationship_type=_CONTAINS)

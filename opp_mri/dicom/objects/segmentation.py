"""Contours as a DICOM Segmentation (PS3.3 A.51) of the series that they were drawn on."""

from collections.abc import Mapping
from datetime import datetime
from importlib.metadata import version
from typing import Final

import numpy as np
from attrs import field, frozen
from highdicom.seg import (
    SegmentAlgorithmTypeValues,
    Segmentation,
    SegmentationTypeValues,
    SegmentDescription,
)
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code
from pydicom.valuerep import DT

from opp_mri.dicom.objects.modules import (
    MANUFACTURER,
    add_patient_and_study,
    add_times,
    convert_to_person_name,
    convert_to_zone,
    derive_uid,
    read_image_header,
)
from opp_mri.domain.imaging import SourceFile

SERIES_NUMBER: Final = 9703
NO_SERIAL_NUMBER: Final = "0"  # a program has none, and the attribute may not be empty
LABEL: Final = "OPP_MRI_CONTOUR"  # a code string
LONGEST_TEXT: Final = 64  # characters (LO)
ABNORMAL: Final = Code("49755003", "SCT", "Morphologically Abnormal Structure")
LESION: Final = Code("52988006", "SCT", "Lesion")
STRUCTURE: Final = Code("91723000", "SCT", "Anatomical Structure")

Masks = Mapping[int, NDArray[np.bool_]]


@frozen(kw_only=True, eq=False)
class SegmentedReference:
    """The masks of a reference vertebra on the images of a lesion.

    Parameters
    ----------
    vertebra
        Code of the vertebra; its meaning names the level.
    masks
        As those of the lesion.
    """

    vertebra: Code
    masks: Masks = field(repr=False)


@frozen(kw_only=True, eq=False)
class SegmentedLesion:
    """The masks of a lesion on the images of one series.

    Parameters
    ----------
    sources
        The files of the images, in the order of the slices; a file of many frames once.
    masks
        Pixels of the lesion on each image of `sources`, or by frame number where there is one file
        of many frames; shape (rows, columns).
    description
        Lesion, sequence and week, in words.
    reader
        Who drew the contours.
    recorded_at
        When they were recorded.
    tracking_uid
        Tracking Unique Identifier of the lesion.
    identity
        Texts that name the contours; the UIDs follow from them.
    reference
        The reference vertebra of the T2 ratio, or None.
    """

    sources: tuple[SourceFile, ...] = field(repr=False)
    masks: Masks = field(repr=False)
    description: str
    reader: str
    recorded_at: datetime
    tracking_uid: str
    identity: tuple[str, ...]
    reference: SegmentedReference | None = None


def build_segmentation(lesion: SegmentedLesion) -> Dataset:
    """Build a binary Segmentation: the lesion, and its reference; empty slices are left out.

    Raises
    ------
    InputError
        The file of an image cannot be read.
    """
    headers = [read_image_header(source) for source in lesion.sources]
    count = int(headers[0].get("NumberOfFrames", 1)) if len(headers) == 1 else len(headers)
    segments = _describe_segments(lesion)
    size = (int(headers[0].Rows), int(headers[0].Columns))
    pixels = np.zeros((count, *size, len(segments)), dtype=np.uint8)
    for number, outline in enumerate((lesion, lesion.reference)[: len(segments)]):
        for index, mask in outline.masks.items() if outline else ():
            pixels[index, ..., number] = mask
    segmentation = Segmentation(
        source_images=headers,
        pixel_array=pixels,
        segmentation_type=SegmentationTypeValues.BINARY,
        segment_descriptions=segments,
        series_instance_uid=derive_uid("segmentation series", *lesion.identity),
        series_number=SERIES_NUMBER,
        sop_instance_uid=derive_uid("segmentation", *lesion.identity),
        instance_number=1,
        manufacturer=MANUFACTURER,
        manufacturer_model_name=MANUFACTURER,
        software_versions=version("opp-mri"),
        device_serial_number=NO_SERIAL_NUMBER,
        content_label=LABEL,
        content_description=lesion.description[:LONGEST_TEXT],
        content_creator_name=convert_to_person_name(lesion.reader),
        series_description=lesion.description[:LONGEST_TEXT],
    )
    organization_uid = derive_uid("segmentation dimensions", *lesion.identity)
    for item in (*segmentation.DimensionOrganizationSequence, *segmentation.DimensionIndexSequence):
        item.DimensionOrganizationUID = organization_uid
    for equipment in segmentation.get("ContributingEquipmentSequence", ()):
        equipment.ContributionDateTime = DT(convert_to_zone(lesion.recorded_at, headers[0]))
    add_patient_and_study(segmentation, headers[0])
    add_times(segmentation, lesion.recorded_at, headers[0])
    return segmentation


def _describe_segments(lesion: SegmentedLesion) -> list[SegmentDescription]:
    segments = [
        SegmentDescription(
            segment_number=1,
            segment_label=lesion.description[:LONGEST_TEXT],
            segmented_property_category=ABNORMAL,
            segmented_property_type=LESION,
            algorithm_type=SegmentAlgorithmTypeValues.MANUAL,
            tracking_uid=lesion.tracking_uid,
            tracking_id=lesion.description[:LONGEST_TEXT],
        )
    ]
    if lesion.reference is not None:
        vertebra = lesion.reference.vertebra
        segments.append(
            SegmentDescription(
                segment_number=2,
                segment_label=f"Reference {vertebra.meaning}, not irradiated",
                segmented_property_category=STRUCTURE,
                segmented_property_type=vertebra,
                algorithm_type=SegmentAlgorithmTypeValues.MANUAL,
                tracking_uid=derive_uid("reference", lesion.tracking_uid, vertebra.value),
                tracking_id=f"Reference {vertebra.meaning} of {lesion.description}"[:LONGEST_TEXT],
            )
        )
    return segments

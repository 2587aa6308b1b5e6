"""Key images as DICOM objects: presentation state, key object selection and secondary capture.

The presentation state draws the caliper on the native image in any viewer, the key object selection
says which images were measured, and the secondary capture is a picture with the text in its pixels,
for programs that show nothing else.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from importlib.metadata import version
from typing import Final

import numpy as np
from attrs import field, frozen
from highdicom.content import ReferencedImageSequence
from highdicom.ko import KeyObjectSelection, KeyObjectSelectionDocument
from highdicom.pr import (
    GraphicAnnotation,
    GraphicLayer,
    GraphicObject,
    GrayscaleSoftcopyPresentationState,
    TextObject,
)
from highdicom.pr.enum import AnnotationUnitsValues, GraphicTypeValues
from highdicom.sr import ObserverContext, PersonObserverIdentifyingAttributes
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import SecondaryCaptureImageStorage

from opp_mri.dicom.objects.modules import (
    MANUFACTURER,
    add_equipment,
    add_patient_and_study,
    add_times,
    convert_to_person_name,
    derive_uid,
    read_image_header,
)
from opp_mri.domain.imaging import SourceFile
from opp_mri.domain.measurement import PixelPoint

PRESENTATION_SERIES_NUMBER: Final = 9700
KEY_OBJECT_SERIES_NUMBER: Final = 9701
PICTURE_SERIES_NUMBER: Final = 9702
LAYER: Final = "CALIPER"
LABEL: Final = "OPP_MRI_CALIPER"  # a code string
NO_SERIAL_NUMBER: Final = "0"  # a program has none, and the attribute may not be empty
LONGEST_TEXT: Final = 64  # characters (LO)
TEXT_OFFSET: Final = 4.0  # pixels from the end of the line to its text
TEXT_SIZE: Final = (60.0, 12.0)  # columns and rows of the box of the text


@frozen(kw_only=True)
class MeasuredImage:
    """A native image with the caliper that a reader drew on it.

    Parameters
    ----------
    source
        Its file.
    frame_number
        From 1; None where the image has no frames.
    ends
        Both ends of the caliper, (column, row) from the centre of the first pixel.
    text
        What is written next to the line.
    description
        Lesion, sequence and week, in words.
    reader
        Who drew it.
    recorded_at
        When it was recorded.
    identity
        Texts that name the answer. The UIDs follow from them and from all that is shown: the same
        content is the same object.
    """

    source: SourceFile = field(repr=False)
    frame_number: int | None
    ends: tuple[PixelPoint, PixelPoint]
    text: str
    description: str
    reader: str
    recorded_at: datetime
    identity: tuple[str, ...]

    def derive_uid(self, kind: str, *parts: str) -> str:
        """Return the UID of an object of a kind that shows this image."""
        return derive_uid(kind, *self.identity, self.text, self.description, self.reader, *parts)


@frozen(kw_only=True, eq=False)
class Picture:
    """A picture of an image with its caliper, as drawn.

    Parameters
    ----------
    pixels
        Shape (rows, columns, 3), red, green and blue.
    """

    pixels: NDArray[np.uint8] = field(repr=False)
    image: MeasuredImage


def build_presentation_state(image: MeasuredImage) -> Dataset:
    """Build a Grayscale Softcopy Presentation State that draws a caliper on its image.

    Raises
    ------
    InputError
        The file of the image cannot be read.
    """
    header = read_image_header(image.source)
    corner = np.array(image.ends) + 0.5  # from the corner of the first pixel (PS3.3 C.10.5)
    line = GraphicObject(
        graphic_type=GraphicTypeValues.POLYLINE,
        graphic_data=corner,
        units=AnnotationUnitsValues.PIXEL,
        tracking_id=image.description[:LONGEST_TEXT],
        tracking_uid=derive_uid("caliper", *image.identity),
    )
    note = TextObject(
        text_value=image.text,
        units=AnnotationUnitsValues.PIXEL,
        bounding_box=_place_text(corner, int(header.Rows), int(header.Columns)),
    )
    layer = GraphicLayer(layer_name=LAYER, order=1, description="Caliper")
    annotation = GraphicAnnotation(
        referenced_images=[header],
        graphic_layer=layer,
        graphic_objects=[line],
        text_objects=[note],
        referenced_frame_number=image.frame_number,
    )
    state = GrayscaleSoftcopyPresentationState(
        referenced_images=[header],
        series_instance_uid=image.derive_uid("presentation state series"),
        series_number=PRESENTATION_SERIES_NUMBER,
        sop_instance_uid=image.derive_uid("presentation state"),
        instance_number=1,
        manufacturer=MANUFACTURER,
        manufacturer_model_name=MANUFACTURER,
        software_versions=version("opp-mri"),
        device_serial_number=NO_SERIAL_NUMBER,
        content_label=LABEL,
        content_description=image.description[:LONGEST_TEXT],
        content_creator_name=convert_to_person_name(image.reader),
        graphic_layers=[layer],
        graphic_annotations=[annotation],
        series_description=image.description[:LONGEST_TEXT],
    )
    _complete(state, image.recorded_at, header, "PresentationCreation")
    state.Laterality = ""
    return state


def build_key_objects(
    images: Sequence[MeasuredImage], states: Sequence[Dataset], description: str
) -> Dataset:
    """Build a Key Object Selection of the measured images of a study with their states.

    Parameters
    ----------
    images
        Of one study and one reader; at least one.
    states
        The presentation state of each, in the same order.

    Raises
    ------
    InputError
        The file of an image cannot be read.
    """
    headers = [read_image_header(image.source) for image in images]
    identity = [str(state.SOPInstanceUID) for state in states]
    observer = ObserverContext(
        observer_type=codes.DCM.Person,
        observer_identifying_attributes=PersonObserverIdentifyingAttributes(
            name=convert_to_person_name(images[0].reader)
        ),
    )
    content = KeyObjectSelection(
        document_title=codes.DCM.OfInterest,
        referenced_objects=[*headers, *states],
        observer_person_context=observer,
        description=description,
    )
    document = KeyObjectSelectionDocument(
        evidence=[*_list_different(headers), *states],
        content=content,
        series_instance_uid=derive_uid("key object series", *identity),
        series_number=KEY_OBJECT_SERIES_NUMBER,
        sop_instance_uid=derive_uid("key objects", *identity),
        instance_number=1,
        manufacturer=MANUFACTURER,
        series_description=description[:LONGEST_TEXT],
    )
    selected = [item for item in document.ContentSequence if item.ValueType == "IMAGE"]
    for item, image, state in zip(selected, images, states, strict=True):
        (reference,) = item.ReferencedSOPSequence
        if image.frame_number is not None:
            reference.ReferencedFrameNumber = image.frame_number
        state_reference = Dataset()
        state_reference.ReferencedSOPClassUID = state.SOPClassUID
        state_reference.ReferencedSOPInstanceUID = state.SOPInstanceUID
        reference.ReferencedSOPSequence = [state_reference]
    _complete(document, max(image.recorded_at for image in images), headers[0])
    return document


def build_secondary_capture(picture: Picture) -> Dataset:
    """Build a Secondary Capture of a picture; it has no pixel spacing, so it is not measured on.

    Raises
    ------
    InputError
        The file of the image cannot be read.
    """
    image = picture.image
    header = read_image_header(image.source)
    content = np.ascontiguousarray(picture.pixels).tobytes()
    content_hash = hashlib.sha256(content).hexdigest()
    dataset = Dataset()
    add_patient_and_study(dataset, header)
    add_equipment(dataset)
    add_times(dataset, image.recorded_at, header)
    dataset.SOPClassUID = SecondaryCaptureImageStorage
    dataset.SOPInstanceUID = image.derive_uid("picture", content_hash)
    dataset.SeriesInstanceUID = image.derive_uid("picture series", content_hash)
    dataset.Modality = "OT"
    dataset.ConversionType = "WSD"
    dataset.SeriesNumber = PICTURE_SERIES_NUMBER
    dataset.SeriesDescription = image.description[:LONGEST_TEXT]
    dataset.InstanceNumber = 1
    dataset.PatientOrientation = dataset.Laterality = ""
    dataset.ImageType = ["DERIVED", "SECONDARY"]
    dataset.DerivationDescription = "Drawn with the caliper, for display only."
    dataset.BurnedInAnnotation = "YES"
    dataset.LossyImageCompression = "00"
    dataset.SourceImageSequence = ReferencedImageSequence(
        [header], referenced_frame_number=image.frame_number
    )
    dataset.SamplesPerPixel = 3
    dataset.PhotometricInterpretation = "RGB"
    dataset.PlanarConfiguration = 0
    dataset.Rows, dataset.Columns = picture.pixels.shape[:2]
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit = 7
    dataset.PixelRepresentation = 0
    dataset.PixelData = content + b"\0" * (len(content) % 2)
    return dataset


def _complete(
    dataset: Dataset, moment: datetime, header: Dataset, content: str = "Content"
) -> None:
    """Take the modules from the image, and remove the time of day at which it was written."""
    add_patient_and_study(dataset, header)
    add_equipment(dataset)
    add_times(dataset, moment, header, content)
    if "ContributingEquipmentSequence" in dataset:
        del dataset.ContributingEquipmentSequence  # highdicom's own


def _list_different(headers: Sequence[Dataset]) -> list[Dataset]:
    return list({str(header.SOPInstanceUID): header for header in headers}.values())


def _place_text(
    ends: NDArray[np.float64], rows: int, columns: int
) -> tuple[float, float, float, float]:
    """Return the box of the text: right of the line where there is room, within the image."""
    right, lowest = float(ends[:, 0].max()), float(ends[:, 1].min())
    left = min(right + TEXT_OFFSET, max(columns - TEXT_SIZE[0], 0.0))
    top = min(max(lowest - TEXT_SIZE[1] - TEXT_OFFSET, 0.0), max(rows - TEXT_SIZE[1], 0.0))
    return left, top, min(left + TEXT_SIZE[0], columns), min(top + TEXT_SIZE[1], rows)

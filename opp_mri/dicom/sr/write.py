"""Write measurement and response reports as DICOM Structured Reports."""

from io import BytesIO
from pathlib import Path

from pydicom import Dataset

from opp_mri.dicom.sr.build import build_measurement_content
from opp_mri.dicom.sr.build_response import build_response_content
from opp_mri.dicom.sr.document import build_document
from opp_mri.dicom.sr.report import Identity, MeasurementReport, ResponseReport
from opp_mri.files import write_bytes


def build_dataset(report: MeasurementReport | ResponseReport, identity: Identity) -> Dataset:
    """Build the data set of a report.

    Parameters
    ----------
    identity
        From `identify`, or as it was recorded when the same content was written before.

    Raises
    ------
    InputError
        The file of a referenced image cannot be read.
    """
    if isinstance(report, ResponseReport):
        content = build_response_content(report)
        description = f"Response of {report.lesion_id}: {report.category.value}"
    else:
        content = build_measurement_content(report)
        quantities = "Lengths and volumes" if report.answers else "Volumes"
        description = f"{quantities if report.volumes else 'Lengths'} by {report.reader}"
    return build_document(
        content,
        images=report.images,
        identity=identity,
        description=description,
        written_at=report.written_at,
        verifiers=report.verifiers if isinstance(report, MeasurementReport) else (),
    )


def write_report(dataset: Dataset, path: Path) -> None:
    """Write the data set of a report as a DICOM file, in a folder that is made where needed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = BytesIO()
    dataset.save_as(content, enforce_file_format=True)
    write_bytes(path, content.getvalue())

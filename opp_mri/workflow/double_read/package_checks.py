"""What shows that a package came back as it was issued, and as its reader sealed it."""

from collections.abc import Sequence
from pathlib import Path

from opp_mri.domain.contour import VolumeReading
from opp_mri.domain.measurement import Reading, Signature
from opp_mri.domain.reader_study import IssuedPackage
from opp_mri.store.protocol import Store
from opp_mri.workflow.double_read.package_images import IMAGES
from opp_mri.workflow.double_read.seal import (
    ISSUE_NAME,
    RETURN_KEY_NAME,
    derive_public_key,
    find_image_faults,
    hash_files,
    is_return_key,
    read_seal,
)
from opp_mri.workflow.project import RETURN_NAME


def find_package_faults(folder: Path, package: Store, issued_package: IssuedPackage) -> list[str]:
    """Verify both seals of a package; return each fault in a sentence.

    Parameters
    ----------
    folder
        Folder of the package.
    package
        Its store.
    issued_package
        The package as the project issued it.

    Raises
    ------
    InputError
        A seal is absent, damaged, or made with another key.
    """
    if not issued_package.seal_key:  # it was made by version 0.1, which had no seals
        return []
    manifest = read_seal(folder / ISSUE_NAME, derive_public_key(issued_package.seal_key))
    faults = []
    if manifest.get("package_id") != issued_package.package_id:
        faults.append("Its seal is that of another package.")
    faults += find_image_faults(manifest.get("images", {}), hash_files(folder / IMAGES))
    head = package.get_head()
    hashes = {record.sequence_number: record.hash for record in package.read_chain()}
    if hashes.get(manifest.get("records", 0)) != manifest.get("head"):
        faults.append("Its protocol, its cases or their order differ from those that were issued.")
    if (folder / RETURN_NAME).exists():
        back = read_seal(folder / RETURN_NAME, issued_package.return_key)
        if back.get("head") != head.hash or back.get("package_id") != issued_package.package_id:
            faults.append("It was changed after its reader sealed it.")
    elif not (folder / RETURN_KEY_NAME).is_file():
        faults.append("The seal of its reader was removed.")
    elif not is_return_key(folder / RETURN_KEY_NAME, issued_package.return_key):
        faults.append(
            "Its key differs from the key with which it was issued: the seal of its reader was "
            "removed."
        )
    return faults


def find_foreign_contours(
    issued_package: IssuedPackage, contour_readings: Sequence[VolumeReading]
) -> list[str]:
    """Return, in sentences, contours that the reader of a package cannot have drawn in it.

    Parameters
    ----------
    issued_package
        The package as the project issued it.
    contour_readings
        All contours that the package holds, under its own names.
    """
    faults = []
    for reading in contour_readings:
        name = f"The volume on {reading.sequence.value} of {reading.study_date}"
        if reading.reader != issued_package.reader:
            faults.append(f"{name} is by a reader other than the package's.")
        if reading.repeat:
            faults.append(f"{name} is marked as a repeat.")
        if not reading.draft:  # contours come from no table, so a signature alone makes them count
            faults.append(f"{name} counts without a signature, which no reading room records.")
    return faults


def find_signature_faults(
    issued_package: IssuedPackage,
    readings: Sequence[Reading | VolumeReading],
    signatures: Sequence[Signature],
) -> list[str]:
    """Return, in sentences, what shows that signatures were not made in the reading room.

    Parameters
    ----------
    issued_package
        The package as the project issued it.
    readings, signatures
        All that the package holds, under its own names.
    """
    codes = {code for case in issued_package.cases for code, _ in case.lesions}
    lesions = {reading.reading_id: reading.lesion_id for reading in readings}
    faults = []
    for signature in signatures:
        if signature.reader != issued_package.reader or signature.together_with:
            faults.append(
                f"A signature is by “{signature.reader}”, who is not the package's reader."
            )
        if signature.lesion_id not in codes:
            faults.append("A signature is for a lesion that was not issued with the package.")
        elif {lesions.get(key) for key in signature.reading_ids} != {signature.lesion_id}:
            faults.append("A signature covers answers to another lesion, or none.")
    return faults

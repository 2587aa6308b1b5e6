"""Export images and reports without identity, with a sealed key, and inspect an export."""

import json
import secrets
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import Final

from attrs import field, frozen

from opp_mri.dicom.deidentify.export import deidentify_object
from opp_mri.dicom.deidentify.inspect_export import Finding, inspect_file
from opp_mri.dicom.deidentify.pixel_text import Region
from opp_mri.dicom.deidentify.pseudonyms import Pseudonyms
from opp_mri.dicom.headers.sources import find_sources
from opp_mri.domain.documents import parse_json
from opp_mri.errors import InputError
from opp_mri.files import check_new, write_bytes, write_folder
from opp_mri.store.protocol import Store
from opp_mri.workflow.progress import Progress, ignore_progress
from opp_mri.workflow.safekeeping.encryption import EncryptedWriter, decrypt_pieces

SUMMARY_NAME: Final = "deidentified.json"
SECRET_BYTES: Final = 32


@frozen(kw_only=True)
class DeidentifyChoice:
    """How to remove identity.

    Parameters
    ----------
    regions
        Rectangles of pixels that are blanked in each image.
    pixels_are_clean
        Somebody has looked at the images: what looks like text passes.
    day_zero
        Date by PatientID that becomes 1 January 2000.
    """

    regions: tuple[Region, ...] = ()
    pixels_are_clean: bool = False
    day_zero: Mapping[str, date] = field(factory=dict, repr=False)


@frozen(kw_only=True)
class LeftOutFile:
    """A file that the export does not hold, and why."""

    file_name: str
    reason: str


@frozen(kw_only=True)
class DeidentifySummary:
    """What an export came to.

    Parameters
    ----------
    changes
        Number of elements by keyword and what was done.
    """

    objects: int
    left_out: tuple[LeftOutFile, ...]
    changes: Mapping[tuple[str, str], int]


def open_key(path: Path, passphrase: str) -> bytes:
    """Return the secret of a key file, which is made where there is none.

    Raises
    ------
    InputError
        The passphrase is wrong or too short, or the file cannot be written.
    """
    if not path.exists():
        secret = secrets.token_bytes(SECRET_BYTES)
        buffer = BytesIO()
        writer = EncryptedWriter(buffer, passphrase)
        writer.write(json.dumps({"secret": secret.hex()}).encode())
        writer.finish()
        write_bytes(path, buffer.getvalue())
        path.chmod(0o600)
        return secret
    with path.open("rb") as stream:
        plain = b"".join(decrypt_pieces(stream, passphrase))
    try:
        secret = bytes.fromhex(parse_json(plain.decode())["secret"])
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path} is no key file of `opp-mri deidentify`.") from error
    if len(secret) != SECRET_BYTES:
        raise InputError(f"{path} is no key file of `opp-mri deidentify`.")
    return secret


def deidentify(
    sources: Sequence[Path],
    destination: Path,
    secret: bytes,
    choice: DeidentifyChoice,
    *,
    progress: Progress = ignore_progress,
) -> DeidentifySummary:
    """Write images and reports without identity into a new folder, whole or not at all.

    Parameters
    ----------
    destination
        New or empty.
    secret
        Of the key file: the same secret gives the same pseudonyms, UIDs and shifts.

    Raises
    ------
    InputError
        The destination is in use, a source is not there, or nothing can be exported.
    """
    check_new(destination)
    files = list(find_sources(sources))
    pseudonyms = Pseudonyms(secret=secret, day_zero=choice.day_zero)
    left_out: list[LeftOutFile] = []
    changes: Counter[tuple[str, str]] = Counter()
    names: set[str] = set()

    def write_all() -> Iterator[tuple[str, bytes]]:
        for number, source in enumerate(files):
            progress("removing identity", number, len(files))
            try:
                clean = deidentify_object(
                    source,
                    pseudonyms,
                    regions=choice.regions,
                    pixels_are_clean=choice.pixels_are_clean,
                )
            except InputError as error:
                left_out.append(LeftOutFile(file_name=source.name, reason=str(error)))
                continue
            changes.update(clean.changes)
            if clean.name not in names:
                names.add(clean.name)
                yield clean.name, clean.content
        if not names:
            reasons = "; ".join(dict.fromkeys(file.reason for file in left_out)) or "no file"
            raise InputError(f"Nothing can be exported: {reasons}")
        progress("removing identity", len(files), len(files))
        yield SUMMARY_NAME, _describe(changes, len(names), left_out)

    write_folder(destination, write_all())
    return DeidentifySummary(objects=len(names), left_out=tuple(left_out), changes=changes)


def _describe(
    changes: Mapping[tuple[str, str], int], objects: int, left_out: Sequence[LeftOutFile]
) -> bytes:
    """Describe an export without a value and without a file's name, which may identify."""
    document = {
        "objects": objects,
        "left_out": dict(Counter(file.reason for file in left_out)),
        "changes": [
            {"attribute": place, "action": action, "elements": number}
            for (place, action), number in sorted(changes.items())
        ],
    }
    return (json.dumps(document, indent=1) + "\n").encode()


def inspect_export(
    folder: Path, *, progress: Progress = ignore_progress
) -> tuple[int, tuple[Finding, ...]]:
    """Return the number of files of an export, and what in them could identify somebody.

    Raises
    ------
    InputError
        The folder is not there.
    """
    files = list(find_sources([folder]))
    findings: list[Finding] = []
    base = folder.absolute()
    for number, source in enumerate(files):
        progress("inspecting", number, len(files))
        path = Path(source.path)
        inside = path.relative_to(base) if path != base else Path(path.name)
        name = f"{inside}/{source.member}" if source.member else str(inside)
        findings += inspect_file(source, name)
    progress("inspecting", len(files), len(files))
    return len(files), tuple(findings)


def find_day_zero(store: Store) -> dict[str, date]:
    """Return the date of completion of radiosurgery of each patient, of the first lesion."""
    days: dict[str, date] = {}
    for lesion in store.get_lesions():
        day = lesion.ssrs_last_date
        days[lesion.patient_id] = min(day, days.get(lesion.patient_id, day))
    return days

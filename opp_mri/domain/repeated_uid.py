"""Names of images whose SOPInstanceUID another image of other content has already."""

from typing import Final

_REPEATED: Final = "~"  # occurs in no DICOM UID


def build_repeated_uid(sop_instance_uid: str) -> str:
    """Name a further image of another content under a UID that is used already: "1.2.3~2"."""
    uid, _, number = sop_instance_uid.partition(_REPEATED)
    return f"{uid}{_REPEATED}{int(number or 1) + 1}"


def get_uid_in_file(sop_instance_uid: str) -> str:
    """Return the SOPInstanceUID as the file holds it, of a repeated one too."""
    return sop_instance_uid.partition(_REPEATED)[0]


def get_repetition(sop_instance_uid: str) -> str:
    """Return which repetition of its UID an image is, "" for the first image that had it."""
    return sop_instance_uid.partition(_REPEATED)[2]

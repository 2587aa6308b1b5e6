"""Push reports to an archive, and verify by a query that they arrived."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from attrs import frozen

from opp_mri.dicom.network.archive import Archive, OutgoingObject
from opp_mri.dicom.network.outgoing import read_outgoing
from opp_mri.dicom.network.quiet import silence_network
from opp_mri.domain.peer import Peer
from opp_mri.errors import InputError
from opp_mri.workflow.pacs.peers import open_archive
from opp_mri.workflow.progress import Progress, ignore_progress

WAITS_S: Final = (0.0, 1.0, 2.0, 4.0)  # an archive may list an object only after a while


@frozen(kw_only=True)
class PushedObject:
    """What came of an object.

    Parameters
    ----------
    state
        "arrived", "was there", or "failed".
    reason
        Why it failed; "" else.
    """

    file_name: str
    sop_instance_uid: str
    state: str
    reason: str = ""


@frozen(kw_only=True)
class PushSummary:
    """What a push did.

    Parameters
    ----------
    other_files
        Number of files that are not reports, and so were not sent.
    """

    objects: tuple[PushedObject, ...]
    other_files: int = 0

    @property
    def is_complete(self) -> bool:
        """Whether all are in the archive."""
        return all(item.state != "failed" for item in self.objects)


def push_reports(
    peer: Peer, sources: Sequence[Path], *, progress: Progress = ignore_progress
) -> PushSummary:
    """Send reports and other documents (no images) that the archive does not list yet.

    Parameters
    ----------
    sources
        Files or folders.

    Raises
    ------
    InputError
        There is no report in the sources.
    PeerError
        The archive does not answer, refuses, or falls silent.
    """
    items, other_files = read_outgoing(sources)
    if not items:
        raise InputError(
            "There is no report in what was named: write reports with `opp-mri sr export` first."
        )
    outgoing_classes = frozenset(
        (item.sop_class_uid, item.transfer_syntax_uid) for _, item in items
    )
    pushed_objects: list[PushedObject] = []
    with silence_network(), open_archive(peer, outgoing_classes) as archive:
        for number, (name, item) in enumerate(items):
            progress("sending", number, len(items))
            pushed_objects.append(_push(archive, name, item))
        progress("sending", len(items), len(items))
    return PushSummary(objects=tuple(pushed_objects), other_files=other_files)


def _push(archive: Archive, name: str, item: OutgoingObject) -> PushedObject:
    state, reason = "was there", ""
    if not archive.holds_instance(item):
        failures = [outcome.failure for outcome in archive.store([item])]
        reason = next((failure for failure in failures if failure), "")
        if not reason and not _is_listed(archive, item):
            reason = "the archive accepted it, and does not list it under its patient and study"
        state = "failed" if reason else "arrived"
    return PushedObject(
        file_name=name, sop_instance_uid=item.sop_instance_uid, state=state, reason=reason
    )


def _is_listed(archive: Archive, item: OutgoingObject) -> bool:
    for wait_s in WAITS_S:
        time.sleep(wait_s)
        if archive.holds_instance(item):
            return True
    return False

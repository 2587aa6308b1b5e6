"""Two files with the same UIDs: a copy is proved, and what is not a copy is kept next to the other.

An instance is the same only where pixels, patient and date agree. A follow-up to which somebody
gave the UIDs of the baseline again must not vanish as its copy.
"""

from collections.abc import Sequence

import attrs

from opp_mri.dicom.copies import describe_difference
from opp_mri.domain.repeated_uid import build_repeated_uid
from opp_mri.store.protocol import CatalogueEntry, Store


def add_files(store: Store, entries: Sequence[CatalogueEntry]) -> None:
    """Record the outcome of some files, each image that is not a proved copy under its own UID.

    Parameters
    ----------
    entries
        Files as they were scanned. An image whose UIDs are those of another image, but whose
        pixels, patient or date are not, gets the next repetition of its UID (`build_repeated_uid`).
    """
    with store.lock():
        open_entries = list(entries)
        while open_entries and store.add_files(open_entries):
            open_entries = _find_unproved(store, open_entries)


def _find_unproved(store: Store, entries: Sequence[CatalogueEntry]) -> list[CatalogueEntry]:
    """Return those of the entries that were taken for copies and are none, under another UID."""
    images = [(entry, entry.instance) for entry in entries if entry.instance is not None]
    sources = store.get_sources_of([instance.sop_instance_uid for _, instance in images])
    catalogue_entries = []
    for entry, instance in images:
        uid = instance.sop_instance_uid
        stored_instance, source = store.get_instance(uid), sources.get(uid)
        if stored_instance is None or source is None or source.name == entry.source.name:
            continue
        if stored_instance.series_instance_uid != instance.series_instance_uid:
            continue
        if describe_difference((instance, entry.source), (stored_instance, source)):
            again = attrs.evolve(instance, sop_instance_uid=build_repeated_uid(uid))
            catalogue_entries.append(attrs.evolve(entry, instance=again))
    return catalogue_entries

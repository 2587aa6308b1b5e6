"""Proposals in a blinded read: off unless the protocol allows them, and counted by reader."""

import json
from pathlib import Path

import attrs
import pytest
from fixtures.makers import NOON
from fixtures.small_study import declare, make_study, proposal_of, read_all

from opp_mri.domain.measurement import Reading
from opp_mri.domain.reader_study import IssuedPackage
from opp_mri.domain.timeline import Origin
from opp_mri.store.serial import from_json, to_json
from opp_mri.workflow.assessing.respond import load_project_rules
from opp_mri.workflow.double_read.agreement import measure_agreement
from opp_mri.workflow.double_read.agreement_json import build_agreement_json
from opp_mri.workflow.double_read.merge import merge_package
from opp_mri.workflow.double_read.packages import make_package
from opp_mri.workflow.measuring.blinding import read_blinding
from opp_mri.workflow.measuring.edits import accept_proposal, sign_drafts
from opp_mri.workflow.measuring.readings import get_counted_readings
from opp_mri.workflow.project import open_project

READERS = ("reader-1", "reader-2")


def accept_all(folder: Path, issued_packages: IssuedPackage, times_ms: list[int]) -> None:
    """Record an accepted proposal in each cell of a package, after these looks, and sign."""
    readings = read_all(folder, issued_packages, sign=False)
    accepted_readings = []
    for reading, time_ms in zip(readings, times_ms, strict=True):
        assert reading.caliper is not None
        shown_proposal = proposal_of(reading.caliper, shown_ms=time_ms)
        accepted_readings.append(
            attrs.evolve(
                accept_proposal(reading, shown_proposal), reading_id=f"a-{reading.reading_id}"
            )
        )
    with open_project(folder) as package:
        package.store.add_readings(accepted_readings)
        package.store.add_signature(
            sign_drafts(accepted_readings, frozenset(), statement="Done.", at=NOON)
        )


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study whose protocol allows proposals: one reader accepted four, the other drew."""
    folder = tmp_path_factory.mktemp("proposals")
    with open_project(make_study(folder)) as project:
        declare(project, folder, proposals="true")
        issued_package = {
            reader: make_package(project, reader, folder / reader, NOON).issued
            for reader in READERS
        }
    accept_all(folder / "reader-1", issued_package["reader-1"], [400, 999, 1000, 6000])
    read_all(folder / "reader-2", issued_package["reader-2"])
    with open_project(folder / "project") as project:
        for reader in READERS:
            merge_package(project, folder / reader, NOON, unsealed=True)
    return folder


def test_both_packages_carry_what_the_protocol_says(study: Path) -> None:
    for reader in READERS:
        with open_project(study / reader) as package:
            blinding = read_blinding(package.store)
        assert blinding is not None
        assert blinding.proposals


def test_an_accepted_proposal_comes_back_on_the_projects_own_images(study: Path) -> None:
    with open_project(study / "project") as project:
        readings = [r for r in get_counted_readings(project.store) if r.reader == "reader-1"]
        uids = {f.sop_instance_uid for v in project.store.get_volumes() for f in v.frames}
    assert len(readings) == 4
    for reading in readings:
        assert reading.origin is Origin.ACCEPTED
        assert reading.proposed is not None
        assert reading.caliper is not None
        assert reading.proposed.has_line_of(reading.caliper)
        assert reading.proposed.sop_instance_uid in uids


def test_the_agreement_counts_what_was_accepted_in_under_a_second(study: Path) -> None:
    with open_project(study / "project") as project:
        agreement = measure_agreement(project, (), load_project_rules(project))
    names = ("cells", "accepted", "edited", "accepted_in_under_a_second")
    first, second = build_agreement_json(agreement)["proposals"]
    assert [first[name] for name in names] == [4, 4, 0, 2]
    assert [second[name] for name in names] == [0, 0, 0, 0]


def test_a_record_of_before_proposals_reads_as_drawn_and_is_written_as_it_was() -> None:
    text = json.dumps(
        {
            "reading_id": "r", "lesion_id": "L", "sequence": "T1", "reader": "A",
            "study_date": "2024-01-01", "answer": "gone", "length_mm": "0.0",
            "length_source": "reader", "recorded_at": NOON.isoformat(),
        },
        separators=(",", ":"),
    )  # fmt: skip
    reading = from_json(text, Reading)
    assert (reading.origin, reading.proposed) == (Origin.DRAWN, None)
    assert to_json(reading) == text  # so its hash, and every signature over it, still holds


def test_an_answer_is_stored_with_the_proposal_that_was_shown_before_it(study: Path) -> None:
    with open_project(study / "project") as project:
        (reading, *_) = get_counted_readings(project.store)
    assert from_json(to_json(reading), Reading) == reading

"""A protocol is read from TOML, and each refusal is a sentence that says what to correct."""

from pathlib import Path

import pytest
from fixtures.makers import NOON

from opp_mri.domain.reader_study import (
    CaseOrder,
    IssuedPackage,
    ReadingProtocol,
    ResolvedBy,
    ShownDates,
    Unblinding,
)
from opp_mri.errors import InputError, ProjectError
from opp_mri.store.sql import SqlStore
from opp_mri.workflow.measuring.protocol import (
    EXAMPLE,
    declare_protocol,
    describe_protocol,
    find_freeze_time,
    is_unblinded,
    load_current_protocol,
    read_protocol,
    require_protocol,
    unblind,
)


def written(folder: Path, text: str) -> Path:
    path = folder / "protocol.toml"
    path.write_text(text, encoding="utf-8")
    return path


def changed(folder: Path, **changes: str) -> Path:
    lines = EXAMPLE.splitlines()
    for name, value in changes.items():
        lines = [f"{name} = {value}" if line.startswith(f"{name} =") else line for line in lines]
    return written(folder, "\n".join(lines))


def test_the_example_is_a_protocol_with_the_defaults(tmp_path: Path) -> None:
    protocol = read_protocol(written(tmp_path, EXAMPLE))
    assert protocol == ReadingProtocol(name="two readers", readers=("reader-1", "reader-2"))
    assert protocol.resolvers == protocol.readers


def test_an_adjudicator_resolves_alone(tmp_path: Path) -> None:
    protocol = read_protocol(
        changed(tmp_path, resolution='"adjudicator"', adjudicator='"third"', dates='"hidden"')
    )
    assert protocol.resolution is ResolvedBy.ADJUDICATOR
    assert protocol.resolvers == ("third",)
    assert protocol.dates is ShownDates.HIDDEN


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"name": '""'}, "“name” must not be empty"),
        ({"name": "1"}, "“name” must be text"),
        ({"readers": '["one"]'}, "must name two readers"),
        ({"readers": '["one", "one"]'}, "must name two readers"),
        ({"readers": '"one"'}, "must name two readers"),
        ({"readers": '["one", ""]'}, "must not be empty"),
        ({"readers": '["one", "consensus"]'}, "denotes the resolved read"),
        ({"order": '"any"'}, "must be one of shuffled, locked-sequential, free"),
        ({"dates": "true"}, "must be one of offsets, hidden"),
        ({"hide_dose": '"yes"'}, "must be true or false"),
        ({"hide_outcome": "1"}, "must be true or false"),
        ({"proposals": '"on"'}, "must be true or false"),
        ({"repeats_share": "0.6"}, "must be between 0 and 0.5"),
        ({"repeats_share": "true"}, "must be a number"),
        ({"washout_days": "1.5"}, "must be a whole number"),
        ({"washout_days": "-1"}, "must be between 0 and 3650"),
        ({"length_limit_mm": '"2"'}, "must be a number"),
        ({"length_limit_mm": "nan"}, "must be between 0 and 100"),
        ({"angle_limit_deg": "91"}, "must be between 0 and 90"),
        ({"resolution": '"vote"'}, "must be one of consensus, adjudicator"),
        ({"resolution": '"adjudicator"'}, "name an adjudicator"),
        ({"adjudicator": '"third"'}, "name an adjudicator where, and only where"),
        ({"resolution": '"adjudicator"', "adjudicator": '"reader-1"'}, "must be a third person"),
        ({"resolution": '"adjudicator"', "adjudicator": '"consensus"'}, "denotes the resolved"),
        ({"order": '"locked-sequential"', "dates": '"hidden"'}, "a locked sequence shows"),
        ({"washout_days": "14\nlimit = 2"}, "unknown setting “limit”: remove it"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_in_a_sentence(
    tmp_path: Path, change: dict[str, str], sentence: str
) -> None:
    with pytest.raises(InputError, match=sentence) as error_info:
        read_protocol(changed(tmp_path, **change))
    assert str(error_info.value).endswith(".")
    assert "protocol.toml" in str(error_info.value)


@pytest.mark.parametrize("missing_key", ["name", "readers"])
def test_what_has_no_default_has_to_be_there(tmp_path: Path, missing_key: str) -> None:
    lines = [line for line in EXAMPLE.splitlines() if not line.startswith(f"{missing_key} =")]
    with pytest.raises(InputError, match=f"lacks “{missing_key}”: add it"):
        read_protocol(written(tmp_path, "\n".join(lines)))


def test_what_is_no_toml_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read as TOML"):
        read_protocol(written(tmp_path, "name ="))
    with pytest.raises(InputError, match="cannot be read as TOML"):
        read_protocol(tmp_path / "absent.toml")
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="cannot be read as TOML"):
        read_protocol(tmp_path / "bytes.toml")


def test_all_that_a_protocol_says_is_told_in_words(tmp_path: Path) -> None:
    protocol = read_protocol(
        changed(
            tmp_path, order='"locked-sequential"', length_limit_mm="3.0", washout_days="30",
            hide_dose="false", resolution='"adjudicator"', adjudicator='"third"',
        )
    )  # fmt: skip
    description = " ".join(describe_protocol(protocol))
    for part in ("reader-1 and reader-2 read independently", "once the one before is signed",
                 "days from the first study", "events and outcome", "10% of the cases come back",
                 "at least 30 days later", "more than 3.0 mm", "more than 10°",
                 "the adjudicator, third"):  # fmt: skip
        assert part in description
    assert "dose" not in description
    anonymous_description = " ".join(describe_protocol(protocol, is_unnamed=True))
    assert not [
        name for name in ("reader-1", "reader-2", "third,") if name in anonymous_description
    ]
    assert "an adjudicator, who selects" in anonymous_description


def test_a_protocol_may_be_changed_until_a_package_is_made(store: SqlStore, tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="opp-mri protocol --example"):
        require_protocol(store)
    first = declare_protocol(store, changed(tmp_path, washout_days="20"))
    second = declare_protocol(store, changed(tmp_path, washout_days="30"))
    assert load_current_protocol(store) == second != first
    assert find_freeze_time(store) is None
    issued_package = IssuedPackage(
        package_id="p", reader="reader-1", wave=1, secret="", cases=(), recorded_at=NOON
    )
    store.add_to_log([issued_package])
    assert find_freeze_time(store) == NOON
    with pytest.raises(ProjectError, match="the protocol is frozen"):
        declare_protocol(store, changed(tmp_path, washout_days="40"))
    again = declare_protocol(store, changed(tmp_path, washout_days="30"))
    assert again == second  # the same protocol may be declared again


def test_unblinding_is_signed_once_and_kept(store: SqlStore, tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="no reading protocol"):
        unblind(store, signed_by="lead", reason="done", at=NOON)
    declare_protocol(store, changed(tmp_path))
    for user, why in (("", "done"), ("lead", " ")):
        with pytest.raises(InputError, match="Say who lifts the blinding, and why"):
            unblind(store, signed_by=user, reason=why, at=NOON)
    assert not is_unblinded(store)
    event = unblind(store, signed_by=" lead ", reason="both have signed", at=NOON)
    assert (event.signed_by, event.reason, event.recorded_at) == ("lead", "both have signed", NOON)
    assert is_unblinded(store)
    with pytest.raises(ProjectError, match="lifted already"):
        unblind(store, signed_by="lead", reason="again", at=NOON)
    assert store.log_of(Unblinding) == [event]


def test_orders_are_named_as_the_example_names_them() -> None:
    assert all(f'"{order}"' in EXAMPLE for order in CaseOrder)


@pytest.mark.parametrize(
    ("proposals", "sentence"),
    [("false", "No lines are proposed."), ("true", "Lines are proposed to both readers; ")],
)
def test_readers_are_told_whether_lines_are_proposed(
    tmp_path: Path, proposals: str, sentence: str
) -> None:
    protocol = read_protocol(changed(tmp_path, proposals=proposals))
    assert protocol.proposals is (proposals == "true")
    assert sentence in " ".join(describe_protocol(protocol))

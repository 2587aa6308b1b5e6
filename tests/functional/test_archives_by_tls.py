"""Archives that encrypt: only an authority that the peer names vouches for them."""

import base64
import logging
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from fixtures.archives import Shelf, dimse_archive, read_all, web_archive
from fixtures.certificates import Authority
from fixtures.dicom_makers import T1, write_study

from opp_mri.domain.peer import Authentication, DimsePeer, Peer, StudyQuery, WebPeer
from opp_mri.errors import PeerError, UnknownError
from opp_mri.workflow.pacs.finding import find_studies
from opp_mri.workflow.pacs.peers import add_peer, check_peer, find_peer, remove_peer
from opp_mri.workflow.project import SETTINGS_NAME, Project, create_project, open_project

PASSWORD = "Corr3ct-horse"  # noqa: S105
QUERY = StudyQuery(patient_id="P1")


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    folder = tmp_path_factory.mktemp("archive")
    write_study(folder, T1, PatientID="P1", StudyDate="20240115")
    return Shelf(read_all(folder))


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"), "hospital")


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    create_project(tmp_path / "project")
    with open_project(tmp_path / "project") as opened_project:
        yield opened_project


@contextmanager
def served(
    shelf: Shelf, way: str, issuer: Authority, *, wants_certificate: bool = False, **peer: Any
) -> Iterator[Peer]:
    tls = issuer.serve(wants_certificate=wants_certificate)
    if way == "web":
        with web_archive(shelf, tls=tls) as url:
            yield WebPeer(name="archive", url=url, timeout_s=10, **peer)
        return
    with dimse_archive(shelf, tls=tls) as port:
        yield DimsePeer(
            name="archive", host="127.0.0.1", port=port, called_ae_title="ARCHIVE", tls=True,
            timeout_s=10, **peer,
        )  # fmt: skip


@pytest.mark.parametrize("way", ["web", "dimse"])
def test_an_authority_of_the_hospital_vouches_for_the_archive_where_it_is_named(
    way: str, shelf: Shelf, authority: Authority, project: Project
) -> None:
    with served(shelf, way, authority, authority=str(authority.path)) as peer:
        check_peer(peer)
        assert len(find_studies(project, peer, QUERY)) == 1


@pytest.mark.parametrize("way", ["web", "dimse"])
@pytest.mark.parametrize("authority_name", ["none", "another", "of other programs"])
def test_an_archive_for_which_nobody_vouches_is_not_spoken_to(
    way: str, authority_name: str, shelf: Shelf, authority: Authority, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    trust = {}
    if authority_name == "another":
        trust = {"authority": str(Authority(tmp_path, "another").path)}
    if authority_name == "of other programs":
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.path))
        trust = {"authority": str(Authority(tmp_path, "another").path)}
    with (
        served(shelf, way, authority, **trust) as peer,
        pytest.raises(PeerError, match=r"certificate of archive is not trusted.*--authority"),
    ):
        check_peer(peer)


@pytest.mark.parametrize("way", ["web", "dimse"])
def test_this_program_shows_its_own_certificate_where_the_archive_requires_one(
    way: str, shelf: Shelf, authority: Authority, project: Project
) -> None:
    certificate, key = authority.issue("own")
    trust = {"authority": str(authority.path), "wants_certificate": True}
    client_keys = {"certificate": str(certificate), "key": str(key)}
    with served(shelf, way, authority, **trust, **client_keys) as peer:  # type: ignore[arg-type]
        assert len(find_studies(project, peer, QUERY)) == 1
    with served(shelf, way, authority, **trust) as peer, pytest.raises(PeerError):  # type: ignore[arg-type]
        check_peer(peer)


def test_an_archive_that_does_not_encrypt_is_said_not_to(shelf: Shelf) -> None:
    with dimse_archive(shelf) as port:
        peer = DimsePeer(name="archive", host="127.0.0.1", port=port, tls=True, timeout_s=3)
        with pytest.raises(PeerError, match=r"archive (does not encrypt|cannot be reached)"):
            check_peer(peer)


def test_a_password_goes_encrypted_to_the_archive_and_nowhere_else(
    shelf: Shelf, authority: Authority, project: Project, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture, tmp_path: Path,
) -> None:  # fmt: skip
    credentials = base64.b64encode(f"anna:{PASSWORD}".encode()).decode()
    caplog.set_level(logging.DEBUG)
    texts = []
    with web_archive(shelf, secret=f"Basic {credentials}", tls=authority.serve()) as url:
        peer = WebPeer(
            name="archive", url=url, timeout_s=10, authority=str(authority.path), user="anna",
            authentication=Authentication.BASIC,
        )  # fmt: skip
        add_peer(project, peer)
        monkeypatch.setenv("OPP_MRI_PACS_SECRET_ARCHIVE", PASSWORD)
        assert len(find_studies(project, peer, QUERY)) == 1
        monkeypatch.setenv("OPP_MRI_PACS_SECRET_ARCHIVE", f"not-{PASSWORD}")
        with pytest.raises(PeerError, match="refused access") as failure:
            find_studies(project, peer, QUERY)
        texts.append("".join(traceback.format_exception(failure.value)))
    texts += [caplog.text, repr(peer)]
    texts += [path.read_text(errors="replace") for path in tmp_path.rglob("*") if path.is_file()]
    for secret in (
        PASSWORD,
        credentials,
        base64.b64encode(f"anna:not-{PASSWORD}".encode()).decode(),
    ):
        assert not any(secret in text for text in texts)


@pytest.fixture
def keyring_of_the_system(monkeypatch: pytest.MonkeyPatch) -> dict[tuple[str, str], str]:
    secrets: dict[tuple[str, str], str] = {}
    monkeypatch.setattr("keyring.set_password", lambda *key: secrets.update({key[:2]: key[2]}))
    monkeypatch.setattr("keyring.delete_password", lambda *key: secrets.pop(key))
    return secrets


def test_a_peer_that_is_removed_leaves_nothing_behind(
    project: Project, opp_mri: Callable[..., Any],
    keyring_of_the_system: dict[tuple[str, str], str],
) -> None:  # fmt: skip
    from opp_mri.workflow.pacs.secrets import keep_secret

    path = project.folder / SETTINGS_NAME
    path.write_text("allow_gradient_echo = true\n", encoding="utf-8")
    before = path.read_text(encoding="utf-8")
    peers = [
        WebPeer(name="web", url="https://pacs/web", authentication=Authentication.TOKEN),
        DimsePeer(name="archive", host="pacs", port=104),
    ]
    for peer in peers:
        with open_project(project.folder) as opened_project:
            add_peer(opened_project, peer)
    keep_secret(peers[0], PASSWORD)
    with open_project(project.folder) as opened_project:
        remove_peer(opened_project, "web")
    assert keyring_of_the_system == {}
    with open_project(project.folder) as opened_project:
        assert find_peer(opened_project, "archive") == peers[1]
        with pytest.raises(UnknownError, match="no peer web"):
            remove_peer(opened_project, "web")
    opp_mri("pacs", "peer", "remove", "archive", "--project", project.folder)
    assert path.read_text(encoding="utf-8") == before

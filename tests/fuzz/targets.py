"""What is fuzzed: each door by which bytes of others come in, with sound inputs to change.

Whatever the bytes are, a door answers or refuses with an `OppMriError`; another exception, an
aborted process or an endless loop is a fault. A new door (an importer of SR or AIM, say) is one
more entry of `TARGETS`.
"""

import gzip
import io
import shutil
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Final

from attrs import frozen
from fixtures.dicom_files import mr_image, nested, written
from fixtures.foreign_reports import (
    write_aim_4,
    write_markups,
    write_ohif_table,
    write_tid_1410,
    write_tid_1500,
)
from fixtures.makers import NOON
from fixtures.small_study import declare, make_study, read_all
from pydicom import Dataset, dcmread
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    RLELossless,
)

from opp_mri.dicom.headers.sources import find_sources
from opp_mri.dicom.pixels import compute_pixel_hash
from opp_mri.dicom.scan import scan
from opp_mri.domain.imaging import FileStatus
from opp_mri.errors import OppMriError
from opp_mri.registration.files import read_transform
from opp_mri.response.criteria import format_criteria_toml, load_criteria
from opp_mri.store.sql import SqlStore
from opp_mri.tables.calipers import read_calipers
from opp_mri.tables.events import read_events
from opp_mri.tables.lesions import read_lesions
from opp_mri.tables.measurements import read_sizes
from opp_mri.tables.visits import read_visits
from opp_mri.workflow.catalogue.patients import read_same_patient
from opp_mri.workflow.double_read.certify import read_truth
from opp_mri.workflow.double_read.merge import merge_package
from opp_mri.workflow.double_read.packages import make_package
from opp_mri.workflow.double_read.returning import seal_return
from opp_mri.workflow.exchange.sr_import import ImportChoice, import_annotations
from opp_mri.workflow.measuring.protocol import EXAMPLE, read_protocol
from opp_mri.workflow.project import SETTINGS_NAME, create_project, open_project
from opp_mri.workflow.safekeeping.backup import back_up, check_backup

CORPUS: Final = Path(__file__).with_name("corpus")
ROOT: Final = Path(__file__).parents[2]
LINE: Final = ((1.5, 5.5), (6.5, 5.5))  # 10 mm on an image of `make_study`
LARGEST: Final = 64 << 10  # bytes of a sound input that is changed


@frozen(kw_only=True)
class Target:
    """A door, with what goes through it.

    Parameters
    ----------
    sound
        Inputs that it takes, or nearly; the kept corpus is added to them.
    run
        Sends bytes through the door, with a new folder to work in; a refusal is not an error.
    """

    sound: Callable[[], Sequence[bytes]]
    run: Callable[[bytes, Path], None]


def kept(name: str) -> list[Path]:
    """Return the files of the kept corpus of a target."""
    return sorted(path for path in (CORPUS / name).glob("*") if path.is_file())


def send(name: str, content: bytes) -> str | None:
    """Send bytes through a door; gives the words of a refusal, and raises what is a fault."""
    with tempfile.TemporaryDirectory(prefix="opp_mri_fuzz_") as folder:
        try:
            TARGETS[name].run(content, Path(folder))
        except OppMriError as refusal:
            return str(refusal)
    return None


# --- headers and compressed pixels ---


def sound_headers() -> list[bytes]:
    syntaxes = (
        ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian,
        DeflatedExplicitVRLittleEndian, JPEG2000Lossless,
    )  # fmt: skip
    frames = mr_image(
        NumberOfFrames=2,
        SharedFunctionalGroupsSequence=[nested(PixelMeasuresSequence=[nested(SliceThickness=4)])],
        PerFrameFunctionalGroupsSequence=[
            nested(PlanePositionSequence=[nested(ImagePositionPatient=[0, 0, n])]) for n in "12"
        ],
    )
    return [written(mr_image(), syntax) for syntax in syntaxes] + [written(frames)]


def run_header(content: bytes, folder: Path) -> None:
    (folder / "image.dcm").write_bytes(content)
    assert len(list(scan(find_sources([folder]), workers=1))) == 1


def sound_streams() -> list[bytes]:
    images = []
    for syntax in (RLELossless, JPEG2000Lossless):
        dataset = mr_image(Rows=64, Columns=64)
        written(dataset)
        dataset.PixelData = bytes(range(256)) * 32
        dataset.BitsStored, dataset.HighBit = 16, 15
        dataset.compress(syntax, generate_instance_uid=False)
        buffer = io.BytesIO()
        dataset.save_as(buffer, enforce_file_format=True)
        images.append(buffer.getvalue())
    return images


def run_stream(content: bytes, folder: Path) -> None:
    (folder / "image.dcm").write_bytes(content)
    for source in find_sources([folder]):
        compute_pixel_hash(source, 1)


# --- tables and settings ---


def sound_tables() -> list[bytes]:
    paths = [*ROOT.glob("sample_data/*.csv"), *ROOT.glob("sample_data/*/*.csv")]
    return [path.read_bytes()[:4096].rpartition(b"\n")[0] for path in sorted(paths)] + [
        b'[{"lesion_id": "A", "reader": "R", "sequence": "T1", "sop_instance_uid": "1.2", '
        b'"column_1": 1, "row_1": 2, "column_2": 3.5, "row_2": 4, "length_mm": 5.0}]',
        b"patient_id,same_as\nA,B\n",
        b"lesion_id,visit_days,epidural_grade,pain\nA,30,1b,3\n",
        b"lesion_id,study_instance_uid,study_date,sequence,ap_mm\nA,1.2,2020-01-01,T1,12.5\n",
    ]


def run_table(content: bytes, folder: Path) -> None:
    for name in ("table.csv", "table.json"):
        (folder / name).write_bytes(content)
    path = folder / "table.csv"
    readers: tuple[Callable[[], object], ...] = (
        lambda: read_sizes(path),
        lambda: read_events(path, {"A", "OPP-01"}, "lesions.csv"),
        lambda: read_lesions(path),
        lambda: read_visits(path, {}),
        lambda: read_calipers(path, all_or_none=False),
        lambda: read_calipers(folder / "table.json"),
        lambda: read_same_patient(path),
        lambda: read_truth(path),
    )
    for reader in readers:
        with suppress(OppMriError):
            reader()


def sound_settings() -> list[bytes]:
    profiles = ("amini-2016", "bahig-2016", "confirmed-growth")
    return [
        *(format_criteria_toml(load_criteria(name)).encode() for name in profiles),
        EXAMPLE.encode(),
        (empty_project() / SETTINGS_NAME).read_bytes(),
        b'allow_gradient_echo = true\nmode = "prospective"\n',
    ]


def run_settings(content: bytes, folder: Path) -> None:
    project = folder / "project"
    shutil.copytree(empty_project(), project)
    path = project / SETTINGS_NAME
    path.write_bytes(content)
    with suppress(OppMriError):
        load_criteria(str(path))
    with suppress(OppMriError):
        read_protocol(path)
    open_project(project).store.close()


def sound_transforms() -> list[bytes]:
    return [
        b"#Insight Transform File V1.0\n#Transform 0\nTransform: AffineTransform_double_3_3\n"
        b"Parameters: 1 0 0 0 1 0 0 0 1 1.5 -2 3\nFixedParameters: 0 0 0\n"
    ]


def run_transform(content: bytes, folder: Path) -> None:
    (folder / "fit.tfm").write_bytes(content)
    read_transform(folder / "fit.tfm")


# --- packages, zip archives, backups ---


@cache
def empty_project() -> Path:
    folder = temporary() / "empty"
    create_project(folder)
    return folder


@cache
def temporary() -> Path:
    folder = tempfile.mkdtemp(prefix="opp_mri_fuzz_")
    import atexit

    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


@cache
def returned() -> Path:
    """A study whose reader-1 has sealed the package for its return."""
    folder = temporary() / "study"
    make_study(folder)
    with open_project(folder / "project") as project:
        declare(project, folder)
        issued_package = make_package(project, "reader-1", folder / "package", NOON).issued
    read_all(folder / "package", issued_package)
    seal_return(folder / "package", NOON)
    return folder


def package_files() -> list[Path]:
    package = returned() / "package"
    small = [path for path in sorted(package.iterdir()) if path.is_file()]
    return [*small, min(package.rglob("*.dcm"))]


def sound_packages() -> list[bytes]:
    """Each file of a package, after the byte that says which it is."""
    return [bytes([n]) + path.read_bytes() for n, path in enumerate(package_files())]


def run_package(content: bytes, folder: Path) -> None:
    shutil.copytree(returned(), folder / "study")
    files = package_files()
    changed_file = files[(content[0] if content else 0) % len(files)]
    (folder / "study" / changed_file.relative_to(returned())).write_bytes(content[1:])
    with open_project(folder / "study" / "project") as project:
        merge_package(project, folder / "study" / "package", NOON)
        lengths = [(reading.length_mm, reading.reader) for reading in project.store.get_readings()]
    with open_project(returned() / "package") as package:
        assert sorted(lengths) == sorted(
            (r.length_mm, "reader-1") for r in package.store.get_readings()
        )


def sound_archives() -> list[bytes]:
    archives = []
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", method) as archive:
            archive.writestr("a/image.dcm", written(mr_image()))
            archive.writestr("../above.dcm", written(mr_image(SOPInstanceUID="1.2.3.4.6")))
        archives.append(buffer.getvalue())
    return archives


def run_archive(content: bytes, folder: Path) -> None:
    (folder / "images.zip").write_bytes(content)
    for _ in scan(find_sources([folder / "images.zip"]), workers=1):
        pass
    assert {path.name for path in folder.iterdir()} == {"images.zip"}


def sound_tars() -> list[bytes]:
    archives = []
    for kind in (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w", format=kind) as archive:
            for name in ("a/image.dcm", "../above.dcm", "long/" * 40 + "image.dcm"):
                member = tarfile.TarInfo(name)
                member.size = len(written(mr_image()))
                archive.addfile(member, io.BytesIO(written(mr_image())))
            link = tarfile.TarInfo("link.dcm")
            link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
            archive.addfile(link)
        archives += [buffer.getvalue(), gzip.compress(buffer.getvalue(), mtime=0)]
    return archives


def run_tar(content: bytes, folder: Path) -> None:
    """A tar archive is named and never opened: one entry for the file, and nothing on the disk."""
    for name in ("images.tar", "images.tar.gz", "images.dcm"):
        (folder / name).write_bytes(content)
    before = sorted(folder.rglob("*"))
    for entry in scan(find_sources([folder]), workers=1):
        is_archive = content[257:262] == b"ustar" and content[128:132] != b"DICM"
        if is_archive and content[:2] not in (b"\x02\0", b"\x08\0", b"\0\x08"):
            assert entry.status is FileStatus.ARCHIVE or content[:4] == b"PK\x05\x06"
        assert entry.source.member == ""
    assert sorted(folder.rglob("*")) == before


# --- lines of other programs: reports, AIM, 3D Slicer, OHIF ---


@cache
def annotated() -> tuple[Path, Dataset]:
    """A project of one image on which lines of other programs lie."""
    folder = temporary() / "annotated"
    make_study(folder)
    return folder, dcmread(min((folder / "dicom").iterdir()))


def written_by(write: Callable[[Path, Dataset], Path]) -> bytes:
    folder, image = annotated()
    return write(folder / "lines", image).read_bytes()


def sound_reports() -> list[bytes]:
    return [
        written_by(lambda path, image: write_tid_1500(path, image, LINE, 10.0)),
        written_by(lambda path, image: write_tid_1410(path, image, LINE, 10.0)),
    ]


def sound_aim() -> list[bytes]:
    return [
        written_by(lambda path, image: write_aim_4(path, image, LINE, 10.0)),
        written_by(lambda path, image: write_aim_4(path, image, LINE, 1.0, unit="cm")),
        b'<ImageAnnotation name="a"><calculationCollection><Calculation><calculationResult'
        b'Collection><CalculationResult unitOfMeasure="mm"><calculationDataCollection>'
        b'<CalculationData value="10"/></calculationDataCollection></CalculationResult>'
        b"</calculationResultCollection></Calculation></calculationCollection></ImageAnnotation>",
    ]


def sound_lines() -> list[bytes]:
    return [
        written_by(lambda path, image: write_markups(path, image, LINE, "LP1 T1 2024-01-15")),
        written_by(
            lambda path, image: write_markups(path, image, LINE, "LP1 T1 2024-01-15", ras=True)
        ),
        written_by(lambda path, image: write_ohif_table(path, image, LINE, 10.0)),
    ]


def run_annotations(content: bytes, folder: Path) -> None:
    (folder / "lines").write_bytes(content)
    shutil.copytree(annotated()[0] / "project", folder / "project")
    with open_project(folder / "project") as project:
        choice = ImportChoice(reader="A", lesion_id="LP1")
        import_annotations(project.store, [folder / "lines"], choice, NOON)
        for reading in project.store.get_readings():
            assert reading.length_mm is not None
            assert 0 <= reading.length_mm <= 500


@cache
def sound_backups() -> tuple[bytes, ...]:
    path = temporary() / "backup.zip"
    with open_project(empty_project()) as project:
        assert isinstance(project.store, SqlStore)
        back_up(project, path, NOON)
    return (path.read_bytes(),)


def run_backup(content: bytes, folder: Path) -> None:
    (folder / "backup.zip").write_bytes(content)
    check_backup(folder / "backup.zip")


TARGETS: Final = {
    "headers": Target(sound=sound_headers, run=run_header),
    "streams": Target(sound=sound_streams, run=run_stream),
    "tables": Target(sound=sound_tables, run=run_table),
    "settings": Target(sound=sound_settings, run=run_settings),
    "transforms": Target(sound=sound_transforms, run=run_transform),
    "packages": Target(sound=sound_packages, run=run_package),
    "zip": Target(sound=sound_archives, run=run_archive),
    "tar": Target(sound=sound_tars, run=run_tar),
    "reports": Target(sound=sound_reports, run=run_annotations),
    "aim": Target(sound=sound_aim, run=run_annotations),
    "lines": Target(sound=sound_lines, run=run_annotations),
    "backups": Target(sound=sound_backups, run=run_backup),
}

"""A disguised image is another image of the same lesion: no length changes, no number recurs."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from attrs import evolve
from fixtures.dicom_makers import T1, write_enhanced, write_series
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset, dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian
from scipy import ndimage

from opp_mri.dicom.deidentify.allow_list import keep_allowed
from opp_mri.dicom.deidentify.disguise import (
    Disguise,
    Trim,
    derive_disguise,
    estimate_noise_sd,
    put_on,
)
from opp_mri.domain.geometry import FloatArray
from opp_mri.errors import InputError
from opp_mri.phantom.acquisition import find_nearest_plane
from opp_mri.phantom.cases import CASES
from opp_mri.phantom.patient import make_patient

SECRET = b"of a package"


def drawn(secret: bytes = SECRET, case: str = "CASE-001", **changes: Any) -> Disguise:
    values = {"series": "1.2.3", "frame_of_reference": "1.2.4", "rows": 512, "columns": 448}
    return derive_disguise(secret, case, **(values | changes))


def disguised(dataset: Dataset, disguise: Disguise) -> Dataset:
    pixels = dataset.pixel_array
    frames = list(pixels) if pixels.ndim == 3 else [pixels]
    clean = keep_allowed(dataset, str)
    put_on(clean, frames, disguise)
    clean.file_meta = FileMetaDataset()
    clean.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return clean


def lps(dataset: Dataset, column: float, row: float, frame: int = 0) -> FloatArray:
    """Return a pixel's place in the patient by PS3.3 C.7.6.2.1.1."""
    groups = dataset.get("PerFrameFunctionalGroupsSequence")
    if groups:
        shared = dataset.SharedFunctionalGroupsSequence[0]
        position = groups[frame].PlanePositionSequence[0].ImagePositionPatient
        orientation = shared.PlaneOrientationSequence[0].ImageOrientationPatient
        spacing = shared.PixelMeasuresSequence[0].PixelSpacing
    else:
        position, orientation = dataset.ImagePositionPatient, dataset.ImageOrientationPatient
        spacing = dataset.PixelSpacing
    along, down = np.array(orientation[:3], float), np.array(orientation[3:], float)
    return np.array(position, float) + along * column * spacing[1] + down * row * spacing[0]


Images = list[tuple[str, Dataset, FloatArray]]


@pytest.fixture(scope="module")
def phantom_images() -> Images:
    """Return an image through the lesion of each sequence, and its AP line (column, row)."""
    patient = make_patient(evolve(CASES[0], visits=CASES[0].visits[:1]), seed=3)
    (study,) = patient.generate_studies()
    images = []
    for series in study.series:
        if series.kind not in study.shapes:
            continue
        shape = study.shapes[series.kind]
        ends = [
            study.posture.place_points(
                shape.vertebra, np.add(shape.centre_local_mm, (0.0, sign * shape.ap_mm / 2, 0.0))
            )
            for sign in (-1, 1)
        ]
        index = find_nearest_plane(series.planes, (ends[0] + ends[1]) / 2)
        plane = series.planes[index]
        dataset = Dataset()
        dataset.Rows, dataset.Columns = plane.rows, plane.columns
        dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 16, 15
        dataset.PixelRepresentation, dataset.SamplesPerPixel = 0, 1
        dataset.PhotometricInterpretation = "MONOCHROME2"
        dataset.ImagePositionPatient = list(plane.position_lps_mm)
        dataset.ImageOrientationPatient = [*plane.row_direction, *plane.column_direction]
        dataset.PixelSpacing = [plane.row_spacing_mm, plane.column_spacing_mm]
        dataset.PixelData = series.pixels[index].astype("<u2").tobytes()
        dataset["PixelData"].VR = "OW"
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        line = np.array([plane.pixel_from_lps(tuple(end)) for end in ends])
        images.append((series.kind.value, dataset, line))
    return images


TRIMMED = Trim(left=2, right=1, top=1, bottom=3)
POINTS = st.tuples(st.floats(2, 8), st.floats(1, 7))


@pytest.mark.parametrize("is_enhanced", [False, True])
@given(first=POINTS, second=POINTS, secret=st.binary(min_size=1, max_size=8))
def test_every_distance_stays(
    tmp_path_factory: pytest.TempPathFactory, *, is_enhanced: bool,
    first: tuple[float, float], second: tuple[float, float], secret: bytes,
) -> None:  # fmt: skip
    folder = tmp_path_factory.mktemp("image")
    if is_enhanced:
        before = dcmread(write_enhanced(folder / "in.dcm", {"1": [0.0, 4.0], "2": [1.0, 5.0]}))
    else:
        before = dcmread(write_series(folder / "in", T1)[0])
    after = disguised(before, evolve(drawn(secret), trim=TRIMMED))
    assert (after.Rows, after.Columns) == (before.Rows - 4, before.Columns - 3)
    old = lps(before, *first) - lps(before, *second)
    new = lps(after, first[0] - 2, first[1] - 1) - lps(after, second[0] - 2, second[1] - 1)
    assert np.linalg.norm(new) == pytest.approx(np.linalg.norm(old), abs=1e-6)
    assert new[1] == pytest.approx(old[1], abs=0.002 * np.linalg.norm(old) + 1e-6)  # along AP


def test_series_of_one_frame_of_reference_keep_their_places_in_it() -> None:
    t1, t2 = drawn(series="1"), drawn(series="2")
    np.testing.assert_array_equal(t1.rotation, t2.rotation)
    assert t1.shift_lps_mm == t2.shift_lps_mm
    assert (t1.trim, t1.scale) != (t2.trim, t2.scale)
    assert drawn(frame_of_reference="9").shift_lps_mm != t1.shift_lps_mm


@given(secret=st.binary(min_size=1, max_size=8))
def test_the_coordinates_are_turned_and_not_bent(secret: bytes) -> None:
    rotation = drawn(secret).rotation
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(rotation) == pytest.approx(1.0)
    assert rotation[1, 1] > np.cos(np.radians(0.2))  # the AP axis stays an AP axis


def test_a_small_image_keeps_its_edges_and_a_large_one_loses_two_percent_at_most() -> None:
    assert drawn(rows=64, columns=64).trim == Trim()
    trims = [drawn(bytes([n])).trim for n in range(40)]
    for trim in trims:
        assert min(trim.left, trim.right, trim.top, trim.bottom) >= 0
        assert max(trim.top, trim.bottom) <= 10
        assert max(trim.left, trim.right) <= 8
    assert len({trim.left for trim in trims}) > 4


def test_a_repeat_shares_no_row_of_pixels_and_no_coordinate(phantom_images: Images) -> None:
    _, dataset, _ = phantom_images[0]
    first, second = (
        disguised(dataset, drawn(case=case, rows=dataset.Rows, columns=dataset.Columns))
        for case in ("CASE-001", "CASE-007")
    )
    rows = [{bytes(row) for row in copy.pixel_array if row.any()} for copy in (first, second)]
    assert not rows[0] & rows[1]
    for keyword in ("ImagePositionPatient", "ImageOrientationPatient"):
        assert not set(first[keyword].value) & set(second[keyword].value)


def test_the_added_noise_is_below_the_images_own(phantom_images: Images) -> None:
    for _, dataset, _ in phantom_images:
        own = estimate_noise_sd(dataset.pixel_array)
        plain = evolve(drawn(), trim=Trim(), scale=1.0)
        difference = disguised(dataset, plain).pixel_array.astype(float) - dataset.pixel_array
        inside = (dataset.pixel_array > 20) & (dataset.pixel_array < 60_000)
        assert 0.05 * own < difference[inside].std() < 0.15 * own + 0.3  # 0.3: rounding


def test_the_extent_of_a_lesion_stays_within_0_05_mm(phantom_images: Images) -> None:
    """Ends at half of the contrast along the line, on ten disguises of each sequence."""
    changes = []
    for _, dataset, line in phantom_images:
        before = extent_mm(dataset, line)
        for number in range(10):
            disguise = drawn(bytes([number]), rows=dataset.Rows, columns=dataset.Columns)
            line_without_trim = line - [disguise.trim.left, disguise.trim.top]
            changes.append(extent_mm(disguised(dataset, disguise), line_without_trim) - before)
    assert len(changes) >= 30
    assert np.abs(np.mean(changes)) < 0.02
    assert np.abs(changes).max() < 0.05


def extent_mm(dataset: Dataset, line: FloatArray) -> float:
    """Measure along a line between the points of half contrast at its two ends, in mm."""
    (start, end), pixels = line, dataset.pixel_array.astype(float)
    spacing = np.array([dataset.PixelSpacing[1], dataset.PixelSpacing[0]], float)
    across = np.array([-(end - start)[1], (end - start)[0]]) / np.hypot(*(end - start))
    steps = np.linspace(-0.25, 1.25, 601)
    points = start + steps[:, None] * (end - start)
    rows = [points + offset * across for offset in (-2, -1, 0, 1, 2)]
    profile = np.mean(
        [ndimage.map_coordinates(pixels, row[:, ::-1].T, order=1) for row in rows], axis=0
    )
    inside = profile[(steps > 0.3) & (steps < 0.7)].mean()
    ends = []
    for side in ((steps < 0.3), (steps > 0.7)):
        outside = profile[side & (np.abs(steps - 0.5) > 0.62)].mean()
        level = (profile[side] - (inside + outside) / 2) * np.sign(inside - outside)
        crossings = [
            x0 + (x1 - x0) * a / (a - b)
            for (x0, a), (x1, b) in pairwise(zip(steps[side], level, strict=True))
            if a * b < 0
        ]
        ends.append(min(crossings, key=lambda x: abs(abs(x - 0.5) - 0.5)))
    return float((ends[1] - ends[0]) * np.hypot(*((end - start) * spacing)))


def test_a_colour_image_is_refused_in_words() -> None:
    with pytest.raises(InputError, match="in colour"):
        put_on(Dataset(), [np.zeros((4, 4, 3), np.uint8)], drawn())


def test_a_bright_image_is_never_cut_off() -> None:
    dataset = Dataset()
    dataset.BitsStored = 12
    dataset.PixelRepresentation = 0
    pixels = np.full((8, 8), 4095, np.uint16)
    pixels[2:4, 2:4] = 4000
    put_on(dataset, [pixels], evolve(drawn(), scale=1.15, trim=Trim()))
    copy = np.frombuffer(dataset.PixelData, "<u2").reshape(8, 8)
    assert copy.max() <= 4095
    assert copy[2, 2] < copy[0, 0]

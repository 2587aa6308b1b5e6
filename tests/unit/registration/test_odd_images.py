"""Images that no scanner would send: each is registered, or refused in words."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from opp_mri.domain.geometry import Vector3, Volume, VolumeGeometry
from opp_mri.errors import GeometryError
from opp_mri.registration.align import align_visit

DIRECTIONS = np.array([[1.0, 0, 0], [0, 0, -1.0], [0, 1.0, 0]])
KINDS = ("noise", "flat", "half", "spot", "ramp")


@st.composite
def volumes(draw: st.DrawFn, frame_of_reference_uid: str) -> Volume:
    """Draw small, unusual images, whose noise is that of a seed."""
    shape = draw(st.tuples(st.integers(3, 6), *[st.sampled_from([12, 24, 48])] * 2))
    spacing_mm = draw(st.tuples(*[st.sampled_from([0.5, 1.2, 4.4])] * 3))
    slices, rows, columns = shape
    values = np.random.default_rng(draw(st.integers(0, 9))).normal(200, 60, shape)
    match draw(st.sampled_from(KINDS)):
        case "flat":
            values = np.full(shape, 100.0)
        case "half":
            values[:, :, : columns // 2] = 0
        case "spot":
            values = np.zeros(shape)
            values[slices // 2, rows // 2 - 2 : rows // 2 + 2, columns // 2 - 2 :] = 900
        case "ramp":
            values = np.broadcast_to(np.linspace(0, 1000, rows)[:, None], shape)
    corner_mm: Vector3 = draw(st.tuples(*[st.floats(-40, 40)] * 3))
    return Volume(
        volume_id="v",
        geometry=VolumeGeometry(
            frame_of_reference_uid=frame_of_reference_uid,
            origin_lps_mm=corner_mm,
            directions=DIRECTIONS,
            spacing_kji_mm=spacing_mm,
            shape_kji=shape,
        ),
        voxels=np.maximum(values, 0).astype(np.int16),
    )


@settings(max_examples=25)
@given(
    pairs=st.lists(st.tuples(volumes("1.1"), volumes("1.2")), min_size=1, max_size=2),
    place=st.tuples(*[st.floats(0, 1)] * 3),
    radius_mm=st.sampled_from([0.0, 5.0, 40.0]),
)
def test_each_has_a_finite_answer_or_a_reason(
    pairs: list[tuple[Volume, Volume]], place: tuple[float, float, float], radius_mm: float
) -> None:
    grid = pairs[0][0].geometry
    x, y, z = grid.lps_from_kji(np.array(place) * (np.array(grid.shape_kji) - 1)).tolist()
    try:
        fits = align_visit(pairs, centre_lps_mm=(x, y, z), lesion_radius_mm=radius_mm)
    except GeometryError:
        return
    assert len(fits) == len(pairs)
    for fit in fits:
        assert np.isfinite(fit.baseline_from_followup.matrix).all()
        assert fit.reasons

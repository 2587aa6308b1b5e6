"""An end is snapped to a tenth of a pixel, and the fit knows how well."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtr

from opp_mri.suggestion.edges import EdgePrior, StripPrior, fit_edge, fit_edge_before_wall

X_MM = np.arange(-8, 9) * 0.7


def prior(noise: float | None = None) -> EdgePrior:
    return EdgePrior(
        inside=100.0, outside=20.0, inside_sd=40.0, outside_sd=40.0, blur_mm=0.5, noise=noise
    )


def blurred_edge(position_mm: float, blur_mm: float = 0.45) -> np.ndarray:
    return 100.0 - 80.0 * ndtr((X_MM - position_mm) / blur_mm)


@settings(max_examples=40, deadline=None)
@given(st.floats(-1.0, 1.0), st.floats(0.3, 1.0))
def test_an_edge_without_noise_is_where_it_was_drawn(position_mm: float, blur_mm: float) -> None:
    edge = fit_edge(X_MM, blurred_edge(position_mm, blur_mm), 0.0, prior())
    assert edge is not None
    assert edge.position_mm == pytest.approx(position_mm, abs=0.03)


def test_the_standard_error_is_the_scatter_of_repeated_fits() -> None:
    rng = np.random.default_rng(3)
    edges = [
        fit_edge(X_MM, blurred_edge(0.2) + rng.normal(0, 8.0, len(X_MM)), 0.0, prior(8.0))
        for _ in range(300)
    ]
    positions = [edge.position_mm for edge in edges if edge is not None]
    errors = [edge.standard_error_mm for edge in edges if edge is not None]
    assert len(positions) == 300
    assert np.mean(positions) == pytest.approx(0.2, abs=0.03)
    assert np.std(positions) == pytest.approx(np.mean(errors), rel=0.2)


def test_three_samples_are_too_few() -> None:
    assert fit_edge(X_MM[:3], blurred_edge(0.0)[:3], 0.0, prior()) is None


def test_an_edge_beyond_the_line_is_no_edge() -> None:
    assert fit_edge(X_MM, np.full(len(X_MM), 100.0), X_MM[-1], prior(0.5)) is None


def before_wall(lesion: float, strip_mm: float, wall_mm: float = 3.0) -> np.ndarray:
    """Lesion, marrow of 100 and cortex of 10, blurred."""
    first, second = ndtr((X_MM - wall_mm + strip_mm) / 0.5), ndtr((X_MM - wall_mm) / 0.5)
    return lesion + (100.0 - lesion) * first - 90.0 * second


def strip_prior(lesion: float, wall_mm: float) -> StripPrior:
    return StripPrior(
        lesion=lesion, marrow=100.0, cortex=10.0, lesion_sd=15.0, marrow_sd=8.0, cortex_sd=25.0,
        wall_mm=wall_mm, wall_sd_mm=0.6, blur_mm=0.5, noise=4.0,
    )  # fmt: skip


@pytest.mark.parametrize("lesion", [30.0, 300.0])
@pytest.mark.parametrize("strip_mm", [1.2, 2.5])
def test_a_lesion_ends_before_the_marrow_that_is_left_before_a_wall(
    lesion: float, strip_mm: float
) -> None:
    near = X_MM < 4.2
    values = before_wall(lesion, strip_mm)[near]
    edge = fit_edge_before_wall(X_MM[near], values, strip_prior(lesion, 3.4))
    assert edge.position_mm == pytest.approx(3.0 - strip_mm, abs=0.25)
    assert edge.strip_mm == pytest.approx(strip_mm, abs=0.35)


def test_a_dark_lesion_that_touches_the_cortex_ends_at_the_wall_with_its_uncertainty() -> None:
    near = X_MM < 4.2
    edge = fit_edge_before_wall(X_MM[near], before_wall(10.0, 0.0)[near], strip_prior(10.0, 3.0))
    assert edge.position_mm == pytest.approx(3.0, abs=0.5)
    assert 0.4 < edge.standard_error_mm < 1.0
    bright = fit_edge_before_wall(
        X_MM[near], before_wall(300.0, 0.0)[near], strip_prior(300.0, 3.4)
    )
    assert bright.position_mm == pytest.approx(3.0, abs=0.15)  # its own edge shows
    assert bright.standard_error_mm < 0.3

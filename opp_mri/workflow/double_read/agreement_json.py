"""Agreement as `opp-mri agreement --json` shows it."""

from typing import Any

from opp_mri.agreement.lengths import Kappa
from opp_mri.domain.estimate import Estimate
from opp_mri.workflow.double_read.agreement import Agreement
from opp_mri.workflow.double_read.volume_agreement import VolumeAgreement

Record = dict[str, Any]


def build_agreement_json(agreement: Agreement) -> Record:
    """Return what `opp-mri agreement --json` shows."""
    return {
        "readers": list(agreement.readers),
        "lengths": {
            length.name: {
                "lesions": length.bland_altman.lesions,
                "pairs": length.bland_altman.pairs,
                "icc_2_1": build_estimate_json(length.icc.single),
                "icc_a_k": build_estimate_json(length.icc.average),
                "bias_mm": build_estimate_json(length.bland_altman.bias_mm),
                "lower_limit_mm": build_estimate_json(length.bland_altman.lower_mm),
                "upper_limit_mm": build_estimate_json(length.bland_altman.upper_mm),
                "within_subject_sd_mm": build_estimate_json(length.within_subject_sd_mm),
                "reproducibility_coefficient_mm": build_estimate_json(length.reproducibility_mm),
                "share_beyond_2_mm": build_estimate_json(length.beyond),
                "share_on_same_slice": build_estimate_json(length.same_slice),
                "drawn_pairs": length.drawn,
            }
            for length in agreement.lengths
        },
        "answers": {
            "n": agreement.answers.n,
            "answers": [answer.value for answer in agreement.answers.answers],
            "table": [list(row) for row in agreement.answers.counts],
        },
        "categories": _build_kappa_json(agreement.categories),
        "opp_against_pd": _build_kappa_json(agreement.opp_against_pd),
        "proposals": [
            {
                "reader": use.reader,
                "cells": use.cells,
                "accepted": use.accepted,
                "edited": use.edited,
                "accepted_in_under_a_second": use.anchored,
            }
            for use in agreement.proposals
        ],
        "volumes": {volume.name: _build_volume_json(volume) for volume in agreement.volumes},
    }


def _build_volume_json(volume: VolumeAgreement) -> Record:
    names = (
        "dice", "mean_surface_mm", "hausdorff_95_mm", "bias_cc", "lower_cc", "upper_cc",
        "bias_percent", "lower_percent", "upper_percent",
    )  # fmt: skip
    keys = {"lower_cc": "lower_limit_cc", "upper_cc": "upper_limit_cc"}
    keys |= {"lower_percent": "lower_limit_percent", "upper_percent": "upper_limit_percent"}
    return {
        "lesions": volume.lesions,
        "pairs": volume.pairs,
        "pairs_on_one_series": volume.compared,
        **{keys.get(name, name): build_estimate_json(getattr(volume, name)) for name in names},
    }


def _build_kappa_json(kappa: Kappa) -> Record:
    return {
        "n": kappa.n,
        "kappa": build_estimate_json(kappa.kappa),
        "agreed": build_estimate_json(kappa.agreed),
        "categories": list(kappa.categories),
        "table": [list(row) for row in kappa.table],
    }


def build_estimate_json(estimate: Estimate) -> Record:
    """Return a value with its interval, rounded for reading."""
    return {
        "value": round_for_reading(estimate.value),
        "low": round_for_reading(estimate.low),
        "high": round_for_reading(estimate.high),
    }


def round_for_reading(value: float | None) -> float | None:
    """Round for reading, to four digits."""
    return None if value is None else round(value, 4)

"""Randomness and identifiers that depend on the seed and on what they are for, and on nothing else.

A patient therefore comes out the same whether written alone or with the others.
"""

import hashlib

import numpy as np


def make_generator(seed: int, *purpose: str | int) -> np.random.Generator:
    """Return the random numbers of one purpose.

    Parameters
    ----------
    seed
        The cohort's seed.
    purpose
        What the numbers are for: patient, visit, series.
    """
    return np.random.default_rng(int.from_bytes(_compute_digest(seed, *purpose), "big"))


def make_uid(seed: int, *purpose: str | int) -> str:
    """Return a DICOM UID under the root 2.25 (PS3.5 B.2), fixed by seed and purpose."""
    number = int.from_bytes(_compute_digest(seed, "uid", *purpose), "big")
    # variant and version bits of a UUID that was made by hashing (RFC 9562, version 8)
    number = (number & ~(0xF << 76)) | (0x8 << 76)
    number = (number & ~(0x3 << 62)) | (0x2 << 62)
    return f"2.25.{number}"


def _compute_digest(seed: int, *purpose: str | int) -> bytes:
    text = "/".join(("opp-mri phantom", str(seed), *map(str, purpose)))
    return hashlib.sha256(text.encode()).digest()[:16]

"""Network libraries without their logs, which quote addresses, headers and what is sent."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from opp_mri.dicom.headers.header import silence_pydicom

_LOGGERS: Final = ("pynetdicom", "dicomweb_client", "urllib3", "requests", "keyring")


@contextmanager
def silence_network() -> Iterator[None]:
    """Silence the libraries of an exchange for as long as it lasts."""
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    before = [(logger.disabled, logger.level, logger.propagate) for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)  # children without a level of their own follow it
        logger.propagate = False
    try:
        with silence_pydicom(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, (was_disabled, level, propagates) in zip(loggers, before, strict=True):
            logger.disabled, logger.propagate = was_disabled, propagates
            logger.setLevel(level)

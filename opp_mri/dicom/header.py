"""Read the header of a DICOM file: only what is needed of it, with the values that pydicom gives.

The elements are found by `elements`; pydicom converts the few that are wanted, and reads alone
what is not laid out as usual. A broken file gives a header that says what is wrong with it.
"""

import struct
import warnings
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from io import BufferedReader, BytesIO
from typing import cast

from attrs import define, field
from pydicom import Dataset, config
from pydicom.charset import convert_encodings, default_encoding
from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import RawDataElement, convert_raw_data_element
from pydicom.filereader import read_partial, read_sequence
from pydicom.tag import BaseTag
from pydicom.uid import UID

from opp_mri.dicom.byte_reader import ByteReader, MemoryBytes, ReaderStream
from opp_mri.dicom.completeness import pixels_missing
from opp_mri.dicom.elements import PIXEL_TAGS, UNDEFINED_LENGTH, Layout, Stop, read_elements
from opp_mri.dicom.sources import DICOMDIR_CLASS_UID, READ_ERRORS, reason_in_words
from opp_mri.dicom.values import PYDICOM_ERRORS, text
from opp_mri.domain.imaging import FileStatus

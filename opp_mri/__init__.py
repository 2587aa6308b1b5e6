"""Measure and follow spine metastases on serial MRI, and tell pseudoprogression from progression.

opp_mri is research software and not a medical device.
"""

from importlib.metadata import version

__version__ = version("opp-mri")

"""Measure and follow spine metastases on serial MRI, and tell pseudoprogression from progression.

opp_mri is research software and not a medical device.
"""


def __getattr__(name: str) -> str:
    if name == "__version__":  # looked up when asked for: importlib.metadata is slow to load
        from importlib.metadata import version

        return version("opp-mri")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

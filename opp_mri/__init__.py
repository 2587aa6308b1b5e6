"""Measure and follow spine metastases on serial MRI, and tell pseudoprogression from progression.

::

    import opp_mri as opp

    study = opp.Project.create("study")
    study.index("scans")
    study.add_lesions("lesions.csv")
    study.measure("calipers.csv")
    study["OPP-01"].timeline
    study.cohort().kaplan_meier("OPP").plot()

Names are loaded when they are first used; their types are in ``__init__.pyi``. opp_mri is research
software and not a medical device.
"""

_HOMES = {
    "Assessment": "opp_mri.door.lesion",
    "Cohort": "opp_mri.door.cohort",
    "Figure": "opp_mri.door.figure",
    "KaplanMeier": "opp_mri.door.cohort",
    "Lesion": "opp_mri.door.lesion",
    "OppMriError": "opp_mri.errors",
    "Project": "opp_mri.door.project",
    "Timeline": "opp_mri.door.lesion",
    "assess": "opp_mri.door.tables",
    "open": "opp_mri.door.project",
    "read_tables": "opp_mri.door.cohort",
}

__all__ = ["__version__", *_HOMES]


def __getattr__(name: str) -> object:
    if name == "__version__":
        from importlib.metadata import version

        return version("opp-mri")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

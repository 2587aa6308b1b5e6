"""Self-contained HTML pages: one file, no scripts, the same input gives the same bytes."""

from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from opp_mri import __version__
from opp_mri.cohort.style import in_words
from opp_mri.errors import InputError
from opp_mri.units import format_mm


def write_page(path: Path, template: str, **context: object) -> None:
    """Fill a template and write it; a file that is there is replaced.

    Raises
    ------
    InputError
        The file cannot be written.
    """
    html = _environment().get_template(template).render(version=__version__, **context)
    try:
        path.write_text(html, encoding="utf-8")
    except OSError as error:
        raise InputError(
            f"The page could not be written to {path} ({error.strerror}): "
            "name a folder that exists and that you may write to."
        ) from error


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("opp_mri.cohort"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["mm"] = format_mm
    environment.filters["words"] = in_words
    return environment

"""Self-contained HTML pages: one file, no scripts, the same input gives the same bytes."""

import re
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from opp_mri import __version__
from opp_mri.cohort.report.pdf import render_pdf
from opp_mri.cohort.words import write_identifier
from opp_mri.domain.visible_text import make_visible
from opp_mri.files import write_bytes
from opp_mri.units import format_mm


def render_page(template: str, **context: object) -> str:
    """Fill a template; what would act instead of being read is written out."""
    return make_visible(
        _make_environment().get_template(template).render(version=__version__, **context)
    )


def save_page(path: Path, html: str, *, printed_html: str | None = None) -> None:
    """Write a page as HTML or PDF, by the suffix of the path; an existing file is replaced.

    Parameters
    ----------
    path
        The file to write: a PDF where its name ends in .pdf, else HTML.
    html
        The page.
    printed_html
        The page that the PDF is made of, where that is another one.

    Raises
    ------
    InputError
        The file cannot be written, or a library that a PDF needs is missing.
    """
    if path.suffix.lower() == ".pdf":
        write_bytes(path, render_pdf(html if printed_html is None else printed_html))
    else:
        write_bytes(path, html.encode())


def embed_svg(svg: str, *, prefix: str, description: str) -> Markup:
    """Make a figure part of a page: ids that no other figure has, and words for who cannot see it.

    Parameters
    ----------
    svg
        One SVG element, as `figure_svg` gives it.
    prefix
        What its ids begin with.
    description
        What is seen, with the numbers.
    """
    svg = re.sub(r'(\bid="|\bhref="#|\burl\(#)', rf"\g<1>{prefix}-", svg)
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    opening = f'<svg role="img" aria-label="{escape(description)}" '
    return Markup(svg.replace("<svg ", opening, 1))  # noqa: S704, matplotlib escapes what it draws


def _make_environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("opp_mri.cohort"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["mm"] = format_mm
    environment.filters["words"] = write_identifier
    environment.filters["css_string"] = _quote_for_css
    return environment


def _quote_for_css(text: str) -> Markup:
    """Write a text as a CSS string."""
    escaped_text = re.sub(
        r'["\\<\n\r\f]', lambda match: f"\\{ord(match[0]):x} ", make_visible(text)
    )
    return Markup(f'"{escaped_text}"')  # noqa: S704, nothing is left that could end string or style

"""A page as PDF: A4, with page numbers, a footer, bookmarks, and the links of the page."""

import hashlib
import logging
from typing import Final

from opp_mri.errors import InputError

NEEDS_EXTRA: Final = (
    "The PDF cannot be made, because WeasyPrint is missing. Install opp_mri with its extra: "
    "`pip install 'opp-mri[pdf]'`. Or print the HTML page to PDF from a browser."
)
NEEDS_PANGO: Final = (
    "The PDF cannot be made, because the library Pango is missing. Install it: "
    "`apt-get install libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0` on Debian or Ubuntu, "
    "`brew install pango` on a Mac, on Windows as the installation page of WeasyPrint says. "
    "Or print the HTML page to PDF from a browser."
)


def render_pdf(html: str) -> bytes:
    """Lay a self-contained page out as a tagged PDF; the same page gives the same bytes.

    Parameters
    ----------
    html
        The page. Nothing that it names outside of itself is fetched.

    Raises
    ------
    InputError
        A library that the layout needs is missing; the message says what to install.
    """
    try:
        from weasyprint import HTML
        from weasyprint.urls import URLFetcher
    except ImportError as error:
        raise InputError(NEEDS_EXTRA) from error
    except OSError as error:  # it loads Pango when it is imported
        raise InputError(NEEDS_PANGO) from error
    logging.getLogger("weasyprint").setLevel(logging.ERROR)  # it names CSS that only browsers know
    page = HTML(string=html, base_url=None, url_fetcher=URLFetcher(allowed_protocols=("data",)))
    content: bytes = page.write_pdf(
        pdf_identifier=hashlib.sha256(html.encode()).digest()[:16], pdf_tags=True
    )
    return content

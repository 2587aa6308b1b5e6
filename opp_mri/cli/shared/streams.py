"""The standard streams of the program: what would act on a terminal is written out."""

import io
import sys
from typing import TextIO, cast

from opp_mri.domain.visible_text import make_visible


class VisibleStream(io.TextIOBase):
    """A text stream for people: writes what `make_visible` gives, to another stream.

    It offers no `buffer`, so that nothing writes bytes past it.

    Parameters
    ----------
    terminal
        The stream behind it; only what adds escape sequences of its own writes there.
    """

    def __init__(self, terminal: TextIO) -> None:
        self.terminal = terminal

    @property
    def encoding(self) -> str:  # type: ignore[override]  # read-only, as that of every text stream
        """Its encoding."""
        return self.terminal.encoding

    @property
    def errors(self) -> str | None:  # type: ignore[override]  # likewise
        """What becomes of text that the encoding lacks."""
        return self.terminal.errors

    def write(self, text: str, /) -> int:
        """Write a text, made visible; gives the number of characters that it has."""
        self.terminal.write(make_visible(text))
        return len(text)

    def flush(self) -> None:
        """Flush the stream behind it."""
        self.terminal.flush()

    def fileno(self) -> int:
        """Return the file descriptor."""
        return self.terminal.fileno()

    def isatty(self) -> bool:
        """Return whether it is a terminal."""
        return self.terminal.isatty()

    def writable(self) -> bool:
        """Report that it can be written to."""
        return True


def show_only_what_is_visible() -> None:
    """Put such a stream in the place of standard output and standard error."""
    sys.stdout, sys.stderr = _guard(sys.stdout), _guard(sys.stderr)


def get_terminal(stream: TextIO) -> TextIO:
    """Return the stream for one who adds escape sequences of its own, and makes texts visible."""
    return stream.terminal if isinstance(stream, VisibleStream) else stream


def _guard(stream: TextIO) -> TextIO:
    if isinstance(stream, VisibleStream):
        return stream
    if isinstance(stream, io.TextIOWrapper):  # names of files need not be text
        stream.reconfigure(errors="backslashreplace")
    return cast(TextIO, VisibleStream(stream))  # it has what programs ask of one

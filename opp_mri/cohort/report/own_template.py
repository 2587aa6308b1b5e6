"""A project's own template, filled in a process of its own with limits of time and memory.

A template may come with a project from somebody else. The sandbox keeps it from files and from
other names, but not from loops without end or from a text of many gigabytes.
"""

import json
import pickle
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError
from jinja2.sandbox import SandboxedEnvironment

SECONDS: Final = 20
MEMORY_BYTES: Final = 1 << 30  # of addresses
LONGEST_TEXT: Final = 100_000  # characters
START: Final = (
    "import sys; sys.path[:] = {path!r}; "
    "from opp_mri.cohort.report.own_template import fill_alone; fill_alone()"
)
TOO_MUCH: Final = (
    f"cannot be filled within {SECONDS} s, {MEMORY_BYTES >> 30} GiB of memory and "
    f"{LONGEST_TEXT:,} characters: remove its long loops and repetitions."
)


class FillError(ValueError):
    """A template that cannot be filled; the text says why, as the end of a sentence."""


def make_environment() -> SandboxedEnvironment:
    """Return an environment in which a template reads what it is given and no more."""
    return SandboxedEnvironment(
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False
    )


def fill(text: str, values: Mapping[str, Any]) -> str:
    """Fill a template in another process.

    Raises
    ------
    FillError
        Something in the template is wrong, or it takes too long, too much memory, or too much room.
    """
    try:
        process = subprocess.run(  # noqa: S603 - this interpreter, our own words
            [sys.executable, "-c", START.format(path=sys.path)],
            input=pickle.dumps((text, dict(values))),
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )
        answer = json.loads(process.stdout)
    except (subprocess.TimeoutExpired, ValueError) as error:  # too late, or it died
        raise FillError(TOO_MUCH) from error
    if "error" in answer:
        raise FillError(answer["error"])
    return str(answer["text"])


def fill_alone() -> None:
    """Fill the template on standard input, and write the answer as JSON; in the other process."""
    text, values = pickle.loads(sys.stdin.buffer.read())  # noqa: S301 - from our own process
    _limit_memory()
    try:
        answer = {"text": _fill_here(text, values)}
    except FillError as error:
        answer = {"error": str(error)}
    except (MemoryError, RecursionError):
        answer = {"error": TOO_MUCH}
    sys.stdout.write(json.dumps(answer))


def _fill_here(text: str, values: Mapping[str, Any]) -> str:
    try:
        filled_text = make_environment().from_string(text).render(**values).strip()
    except TemplateSyntaxError as error:
        raise FillError(f"is wrong in line {error.lineno}: {error.message}.") from error
    except TemplateError as error:
        raise FillError(
            f"cannot be filled: {error.message}. It may name {', '.join(values)}."
        ) from error
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise FillError(f"cannot be filled: {error}.") from error
    if len(filled_text) > LONGEST_TEXT:
        raise FillError(TOO_MUCH)
    return filled_text


def _limit_memory() -> None:
    with suppress(ImportError, OSError, ValueError):  # not on Windows, and not on every Mac
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

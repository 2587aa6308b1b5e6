"""A function is named by a verb: its name says what it does, and nouns are left to the values."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

ROOT = Path(__file__).parents[2]
# cohort, dicom, phantom and the plugin still have functions that are named by nouns
ROOMS = (
    "agreement", "cli", "domain", "door", "errors", "files", "registration", "response", "store",
    "suggestion", "tables", "units", "workflow",
)  # fmt: skip
MODULES = [
    path
    for path in sorted((ROOT / "opp_mri").rglob("*.py"))
    if path.relative_to(ROOT / "opp_mri").parts[0].removesuffix(".py") in ROOMS
]
VERBS: Final = frozenset(
    """
    abstain add align append apply ask assess assign average back begin blind build call carry
    certify change check choose cipher classify clear close collect compare complete compose
    compress compute configure consider contains convert copy correct correlate count covers
    create cut decide decides declare decrypt deidentify derive describe determine dictate
    differs draft draw drop encode ends estimate exceeds explain export fill find finish fit
    flag flatten flush fold follow forget format gather generate get give group guard hash hold
    holds ignore import index interpolate invert join judge keep label leave letter lies limit
    list load locate lock log look make map mark match measure meet merge migrate move multiply
    name needs normalise notice number observe open order orthogonalise outline override pair
    parse pick place plan plot polish prepare process project propose put quote raise rank read
    recentre record redo refers refine refuse remove render repeat replace replay report require
    resample resolve restore restrict reverse round run sample save scale score seal search
    select settle shift show sign smooth solve sort split step store stretch strip subtract
    suggest sum take taper tell thin transform translate turn unbend unblind undo unlock unpack
    unstructure update upgrade verify view wait widen write
    """.split()  # noqa: SIM905
)
QUESTIONS: Final = frozenset("did has is may would".split())  # noqa: SIM905
CONVERSIONS: Final = frozenset("as from to with without".split())  # noqa: SIM905
EXCEPTIONS: Final = {
    "the start of the program": {"main"},
    "nouns of the door for Python": {"cohort", "kaplan_meier"},
    "io": {"fileno", "isatty", "writable"},
    "IPython": {"_ipython_key_completions_", "_repr_html_", "_repr_png_"},
}


def named_functions(path: Path) -> Iterator[tuple[int, str]]:
    """Yield line and name of the functions of a module that are to be named by a verb.

    A property is a noun, as an attribute is. A command is named for the command line, and a
    validator or a default for the attribute that it belongs to.
    """
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            marks = [ast.unparse(mark) for mark in node.decorator_list]
            if not any(
                re.search(r"property|\.(command|group)\(|\.(validator|default)$", mark)
                for mark in marks
            ):
                yield node.lineno, node.name


def is_named_by_a_verb(name: str) -> bool:
    first = name.lstrip("_").partition("_")[0]
    return (
        first in VERBS | QUESTIONS | CONVERSIONS
        or name in set().union(*EXCEPTIONS.values())
        or re.fullmatch(r"__\w+__", name) is not None
        # a transform is named by the points that it gives and takes, as in DICOM tools
        or re.fullmatch(r"_?[a-z]+_from_[a-z]+", name) is not None
    )


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_function_is_named_by_a_verb(path: Path) -> None:
    others = [
        f"line {line}: {name}"
        for line, name in named_functions(path)
        if not is_named_by_a_verb(name)
    ]
    assert others == []


def test_every_verb_and_every_exception_is_used() -> None:
    names = {name for path in MODULES for _, name in named_functions(path)}
    assert set().union(*EXCEPTIONS.values()) <= names
    assert {name.lstrip("_").partition("_")[0] for name in names} >= VERBS

"""A function is named by a verb: its name says what it does, and nouns are left to the values."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

ROOT = Path(__file__).parents[2]
# the functions of the plugin are still named by nouns too
MODULES = sorted((ROOT / "opp_mri").rglob("*.py"))
VERBS: Final = frozenset(
    """
    abort abstain accept acknowledge acquire activate adapt add adjust align allow amend analyse
    announce anonymise append apply approve archive arrange ask assemble assess assign attach
    average await back begin blank blind break bring build cache call cancel carry certify change
    check choose cipher clamp classify clean clear climb clip close collect combine commit compare
    complete compose compress compute configure confirm connect consider contains convert copy
    correct correlate count covers create crop cut decide decides declare decode decrypt define
    deidentify deliver deny derive describe detect determine dictate differs disable discard divide
    do download draft draw drop embed empty enable encode encrypt end ends ensure enter estimate
    evaluate exceeds exclude expand expect explain export extend extract fail feed fetch fill filter
    find finish fit flag flatten flush fold follow forget format forward free freeze gather generate
    get give group guard handle hash help hide highlight hold holds identify ignore import include
    index inflate inform inspect interpolate interpret intersect invert invite issue iterate join
    judge jump keep label launch lay learn leave letter lies lift limit link list listen load locate
    lock log look lower make map mark mask match measure meet merge migrate minimise monitor move
    multiply name narrow needs normalise note notice notify number observe obtain omit open order
    orthogonalise outline overlay override owns pack pad paint pair parse pass pause perform permit
    permute persist pick place plan plot polish post postpone predict prepare prescribe press
    prevent print probe process project prompt propose prune publish pull push put query queue quote
    raise rank reach read reassign recall receive recentre recognise reconcile reconstruct record
    redo redraw reduce reference refers refine refuse reject release reload rely remove render renew
    reopen repeat replace replay report request require resample rescale resembles reserve reset
    resolve respond restore restrict resume retain retrieve retry return reverse revert revise
    rotate round run sample save scale scan schedule score seal search seek select send separate
    serve set settle share shift shorten show sign silence simplify simulate skip smooth solve sort
    split spread start state step stop store stretch strip submit substitute subtract suggest sum
    suppress swap switch tabulate take taper tell test thin tidy toggle touch trace track train
    transfer transform translate trim try turn unbend unblind understand undo unfold unify unlock
    unpack unstructure update upgrade upload use validate verify view visit wait walk warn watch
    weigh widen withhold wrap write yield zoom
    """.split()  # noqa: SIM905
)
QUESTIONS: Final = frozenset("did has is may would".split())  # noqa: SIM905
CONVERSIONS: Final = frozenset("as from to with without".split())  # noqa: SIM905
EXCEPTIONS: Final = {
    "the start of the program": {"main"},
    "nouns of the door for Python": {"cohort", "kaplan_meier"},
    "io": {"fileno", "isatty", "readable", "readinto", "seekable", "writable"},
    "zipfile": {"writestr"},
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


def test_every_exception_is_used() -> None:
    names = {name for path in MODULES for _, name in named_functions(path)}
    assert set().union(*EXCEPTIONS.values()) <= names

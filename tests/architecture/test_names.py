"""A function is named by a verb, a value by a noun: the names say what is done and to what."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = (ROOT / "opp_mri", ROOT / "plugins" / "napari-opp-mri" / "src")
MODULES = [path for package in PACKAGES for path in sorted(package.rglob("*.py"))]
VERBS: Final = frozenset(
    """
    abort abstain accept acknowledge acquire activate adapt add adjust align allow amend analyse
    announce anonymise append apply approve archive arrange arrive ask assemble assess assign attach
    average await back begin bind blank blind blink break bring build cache call cancel carry
    certify change check choose cipher clamp classify clean clear click climb clip close collect
    colour combine come commit compare complete compose compress compute configure confirm connect
    consider contains convert copy correct correlate count covers create crop cut decide decides
    declare decode decrypt define deidentify deliver deny derive describe detect determine dictate
    differs disable discard divide do dock download draft draw drop embed empty enable encode
    encrypt end ends enlarge ensure enter escape estimate evaluate exceeds exclude expand expect
    explain export extend extract fail feed fetch fill filter find finish fit flag flatten flip
    flush focus fold follow forget format forward frame free freeze gather generate get give go
    group guard hand handle hash help hide highlight hold holds identify ignore import include index
    inflate inform inspect interpolate interpret intersect invert invite issue iterate join judge
    jump keep label launch lay learn leave let letter lies lift limit link list listen load locate
    lock log look lower magnify make map mark mask match measure meet merge migrate minimise mix
    monitor move multiply name narrow need needs normalise note notice notify nudge number observe
    obtain offer omit open order orthogonalise outline overlay override owns pack pad paint pair pan
    parse pass pause perform permit permute persist pick place plan plot point polish post postpone
    predict prepare prescribe press prevent print probe process project prompt propose prune publish
    pull push put query queue quote raise rank reach read reassign recall receive recentre recognise
    reconcile reconstruct record redo redraw reduce reference refers refine refresh refuse reject
    release reload rely remove render renew reopen repaint repeat replace replay report request
    require resample rescale resembles reserve reset resolve respond restore restrict restyle resume
    retain retrieve retry return reverse revert review revise rotate round run sample save say scale
    scan schedule score scroll seal search seek select send separate serve set settle share shift
    shorten show shrink sign silence simplify simulate skip smooth solve sort split spread stack
    start state step stop store stretch strip submit substitute subtract suggest sum suppress
    swap switch tabulate take taper tell test thin tick tidy toggle touch trace track train
    transfer transform translate trim try turn unbend unblind understand undo unfold unify unlock
    unpack unstructure unwrap update upgrade upload use validate verify view visit wait walk
    want warn watch weigh widen withhold work wrap write yield zoom
    """.split()  # noqa: SIM905
)
QUESTIONS: Final = frozenset("did has is may would".split())  # noqa: SIM905
CONVERSIONS: Final = frozenset("as from to with without".split())  # noqa: SIM905
EXCEPTIONS: Final = {
    "the start of the program": {"main"},
    "nouns of the door for Python": {"cohort", "kaplan_meier"},
    "concurrent.futures": {"shutdown"},
    "io": {"fileno", "isatty", "readable", "readinto", "seekable", "writable"},
    "zipfile": {"writestr"},
    "Qt": {"data"},
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
                re.search(r"property|\.(command|group)\(|\.(validator|default|setter)$", mark)
                for mark in marks
            ):
                yield node.lineno, node.name


def is_named_by_a_verb(name: str) -> bool:
    first = name.lstrip("_").partition("_")[0]
    return (
        first in VERBS | QUESTIONS | CONVERSIONS
        or name in set().union(*EXCEPTIONS.values())
        or re.fullmatch(r"__\w+__", name) is not None
        # Qt calls what it names in its own style
        or re.search(r"[a-z][A-Z]", name) is not None
        # a transform is named by the points that it gives and takes, as in DICOM tools
        or re.fullmatch(r"_?[a-z]+_from_[a-z]+", name) is not None
    )


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_function_is_named_by_a_verb(path: Path) -> None:
    rest = [
        f"line {line}: {name}"
        for line, name in named_functions(path)
        if not is_named_by_a_verb(name)
    ]
    assert rest == []


def test_every_exception_is_used() -> None:
    names = {name for path in MODULES for _, name in named_functions(path)}
    assert set().union(*EXCEPTIONS.values()) <= names


PRONOUNS: Final = frozenset(
    """
    all another anything both each either everything here it mine neither none nothing one ones
    other others ours some something such that them then there these thing things this those what
    whatever which who whoever whom whose
    """.split()  # noqa: SIM905
)
PARTICIPLES: Final = frozenset(
    """
    begun broken brought caught chosen cut drawn driven fallen found frozen given gone got grown
    heard held kept known laid lost made meant met put read said seen sent shown
    spoken taken thought told unseen withdrawn won written
    asking carrying counting deciding differing fitting going growing having holding leaving
    linking making matching planning remaining running saying sending signing taking telling
    typing waiting wanting
    """.split()  # noqa: SIM905
)
NOUNS_IN_ED: Final = {
    "a noun": {"seed"},
    "terms of statistics and registration": {
        "estimated",
        "expected",
        "fixed",
        "observed",
        "weighted",
    },
    "a state: whether, or those that, it applies": {"mixed", "selected", "shared", "signed"},
    "options of the command line": {"identified", "unsealed"},
    "Qt": {"watched"},
}
FOLDERS = (*PACKAGES, *(ROOT / name for name in ("tests", "tools", "benchmarks")))


def named_values(path: Path) -> Iterator[tuple[int, str]]:
    """Yield line and name of the parameters and variables of a module.

    An attribute of a class is left out: it is read with its object, as in `summary.stored`.
    """
    nodes = list(ast.walk(ast.parse(path.read_text())))
    in_classes = {
        target
        for node in nodes
        if isinstance(node, ast.ClassDef)
        for statement in node.body
        for target in getattr(statement, "targets", [getattr(statement, "target", None)])
    }
    comparisons = {
        argument
        for node in nodes
        if isinstance(node, ast.FunctionDef) and node.name == "__eq__"
        for argument in node.args.args
    }
    for node in nodes:
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            if node not in in_classes:
                yield node.lineno, node.id
        elif isinstance(node, ast.arg) and node not in comparisons:
            yield node.lineno, node.arg


def says_what_it_holds(name: str) -> bool:
    return name not in PRONOUNS | PARTICIPLES and (
        re.fullmatch(r"[a-z]+ed", name) is None or name in set().union(*NOUNS_IN_ED.values())
    )


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: str(folder.relative_to(ROOT)))
def test_no_pronoun_and_no_participle_names_a_value(folder: Path) -> None:
    rest = [
        f"{path.relative_to(ROOT)}, line {line}: {name}"
        for path in sorted(folder.rglob("*.py"))
        for line, name in named_values(path)
        if not says_what_it_holds(name)
    ]
    assert rest == []

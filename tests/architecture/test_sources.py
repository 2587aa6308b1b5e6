"""The source keeps the measure of the house, and knows nothing of the machine it was written on."""

import ast
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LONGEST_MODULE, LONGEST_FUNCTION = 400, 70  # lines
MOST_MODULES = 24  # in one folder
PRODUCT = sorted(
    path
    for folder in (ROOT / "opp_mri", ROOT / "plugins/napari-opp-mri/src")
    for path in folder.rglob("*.py")
)
# what a path under a home or a work directory begins with, put together so as not to find itself
PRIVATE_PATH = re.compile(rb"(?<![\w.:/-])/(?:home|Users|root|work)/" + rb"[\w.]")


def functions(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [
        node
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def tracked_files() -> list[Path]:
    process = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
    )
    if process.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in process.stdout.decode().split("\0") if name]


def test_there_is_a_product_to_measure() -> None:
    assert len(PRODUCT) > 20


def test_a_folder_holds_few_enough_modules_to_take_in() -> None:
    sizes = Counter(path.parent for path in PRODUCT)
    assert {folder: size for folder, size in sizes.items() if size > MOST_MODULES} == {}


@pytest.mark.parametrize("path", PRODUCT, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_is_one_room_with_functions_to_take_in_at_a_glance(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= LONGEST_MODULE
    too_long = [
        f"{function.name}: {lines} lines"
        for function in functions(path)
        if (lines := (function.end_lineno or 0) - function.lineno + 1) > LONGEST_FUNCTION
    ]
    assert too_long == []


@pytest.mark.parametrize("path", PRODUCT, ids=lambda path: str(path.relative_to(ROOT)))
def test_product_code_raises_errors_of_the_tree_and_leaves_nothing_undone(path: Path) -> None:
    text = path.read_text()
    asserts = [n.lineno for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Assert)]
    assert asserts == []
    assert not re.search(r"\b(TODO|FIXME|XXX|HACK)\b|raise NotImplementedError", text)


def test_no_file_names_a_path_of_somebodys_machine() -> None:
    result = [
        f"{path.relative_to(ROOT)}: {match[0].decode()}"
        for path in tracked_files()
        if path.is_file() and (match := PRIVATE_PATH.search(path.read_bytes()))
    ]
    assert result == []


def test_no_lock_file_that_holds_registry_addresses_is_kept() -> None:
    assert not [p.name for p in tracked_files() if p.name in {"uv.lock", "pylock.toml"}]


FRAMEWORK_CALLS = {
    "click": {"list_commands", "get_command", "format_commands"},
    "IPython": {"_ipython_key_completions_", "_repr_png_", "_repr_html_"},
    "io": {"seekable", "readinto"},
    "napari": {"_update_thumbnail", "_bind_shortcuts"},
    "Qt": {"headerData", "mousePressEvent"},
    "SQLAlchemy": {"process_bind_param", "process_result_value"},
    "tests of the window": {"label_boxes", "is_linked"},
    "users of Python": {"to_dict"},
}


@pytest.mark.parametrize("path", PRODUCT, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_constant_of_a_module_is_final(path: Path) -> None:
    if path == ROOT / "opp_mri" / "__init__.py":
        pytest.skip("it imports nothing, not even typing")
    bare = [
        target.id
        for statement in ast.parse(path.read_text()).body
        if isinstance(statement, ast.Assign)
        for target in statement.targets
        if isinstance(target, ast.Name) and re.fullmatch(r"_?[A-Z][A-Z0-9_]+", target.id)
    ]
    assert bare == []


def test_no_function_is_there_for_tests_alone() -> None:
    texts = [path.read_text() for path in PRODUCT]
    texts += [path.read_text() for path in ROOT.glob("opp_mri/**/*.j2")]
    for name in ("pyproject.toml", "napari.yaml"):
        texts += [path.read_text() for path in (ROOT / "plugins").rglob(name)]
    words = Counter(word for text in texts for word in re.findall(r"\w+", text))
    unused_functions = {
        f"{path.relative_to(ROOT)}: {function.name}"
        for path in PRODUCT
        for function in functions(path)
        if words[function.name] == 1
        and function.name not in set().union(*FRAMEWORK_CALLS.values())
        and not re.fullmatch(r"__\w+__", function.name)
        and not any(
            ".command(" in ast.unparse(mark) or ast.unparse(mark).endswith(".validator")
            for mark in function.decorator_list
        )
    }
    assert unused_functions == set()


# A name says what a value holds. A pronoun or a participle makes the reader look elsewhere for it:
# `one` of what, `found` by whom? `other` stays, since Python itself names an operand so.
NO_NOUNS = re.compile(
    "_*(one|ones|this|these|those|it|them|they|who|whom|whose|which|what|ours|theirs|mine|"
    "anything|everything|nothing|something|anyone|everyone|nobody|others|"
    "asked|found|given|made|said|told)_*"
)


def names_in(path: Path) -> Iterator[tuple[str, int]]:
    """Yield each name that a module gives to something, with its line."""
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name):
                yield name, node.lineno
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                yield name, node.lineno


@pytest.mark.parametrize("path", PRODUCT, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_name_in_product_code_is_a_pronoun_or_a_participle(path: Path) -> None:
    no_nouns = [f"line {line}: {name}" for name, line in names_in(path) if NO_NOUNS.fullmatch(name)]
    assert no_nouns == []

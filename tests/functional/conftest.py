"""Run the command line as a user does: in a process of its own, and by its words."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import pytest
from attrs import frozen
from fixtures.command_server import ask, running_server
from fixtures.shared_work import make_once


@frozen
class Ran:
    """What a command printed, and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture(scope="session")
def command_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a server of commands."""
    with running_server(tmp_path_factory.mktemp("server")) as address:
        yield address


@pytest.fixture(scope="session")
def opp_mri(command_server: str) -> Callable[..., Ran]:
    def run(*words: object, cwd: Path | None = None, expect: int = 0) -> Ran:
        with TemporaryFile() as no_input, TemporaryFile() as out, TemporaryFile() as err:
            streams = [stream.fileno() for stream in (no_input, out, err)]
            code = ask(command_server, ["opp-mri", *map(str, words)], cwd and str(cwd), streams)
            texts = []
            for stream in (out, err):
                stream.seek(0)
                texts.append(stream.read().decode())
        ran = Ran(code, *texts)
        assert ran.code == expect, f"{words} ended with {ran.code}:\n{ran.out}\n{ran.err}"
        assert expect == 1 or "Traceback" not in ran.err
        return ran

    return run


@pytest.fixture(scope="session")
def demo(opp_mri: Callable[..., Ran], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The project of the demo, only to be read, and what the demo printed."""

    def make(folder: Path) -> tuple[Path, str]:
        return folder / "demo", opp_mri("demo", folder / "demo").out

    return make_once(tmp_path_factory, "demo", make)

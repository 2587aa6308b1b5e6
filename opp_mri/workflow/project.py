"""A project: a folder with its settings and its store."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Self

import attrs
from attrs import frozen

from opp_mri.domain.documents import parse_toml
from opp_mri.errors import InputError, ProjectError
from opp_mri.files import open_new, read_document, write_whole
from opp_mri.store.postgresql import open_postgresql, refuse_password
from opp_mri.store.protocol import Store
from opp_mri.store.sql import is_unfinished, open_sqlite

SETTINGS_NAME: Final = "opp_mri.toml"
STORE_NAME: Final = "opp_mri.sqlite"
RETURN_NAME: Final = "return.seal.json"  # a reader's package that holds it takes nothing more

SETTINGS_TEXT: Final = """\
# Settings of this opp_mri project.

# Response criteria: the name of a shipped profile (amini-2016, plateau-variant), or a TOML file.
criteria = "amini-2016"

# Whether gradient echoes may be used as T1 or T2; the source paper used spin echo.
allow_gradient_echo = false

# Template (jinja2) of `opp-mri dictate`, in this folder; without it the shipped one is used.
# dictation_template = "dictation.txt.j2"
"""


@frozen(kw_only=True)
class Settings:
    """What a project decides for itself.

    Parameters
    ----------
    criteria
        Name or file of the response criteria.
    allow_gradient_echo
        Whether gradient echoes may have a role.
    dictation_template
        File of the template of the text to dictate, from the folder; "" for the shipped one.
    database
        Address of the PostgreSQL database that holds the store; "" for a file in the folder.
    peers
        Archives (PACS) by name, as their tables state them.
    """

    criteria: str = "amini-2016"
    allow_gradient_echo: bool = False
    dictation_template: str = ""
    database: str = ""
    peers: Mapping[str, object] = attrs.field(factory=dict)


@frozen(kw_only=True)
class Project:
    """An open project; use it in a ``with``.

    Parameters
    ----------
    folder
        Where it lives.
    settings
        What its settings file says.
    store
        What it keeps.
    """

    folder: Path
    settings: Settings
    store: Store

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.store.close()


def create_project(folder: Path, database: str = "") -> None:
    """Make a project in a new or empty folder, or in one that has other things in it.

    Parameters
    ----------
    database
        Address of an empty PostgreSQL database; "" for a file in the folder.

    Raises
    ------
    ProjectError
        There is a project already, or the folder cannot be written.
    """
    if database:
        refuse_password(database)
    store = folder / STORE_NAME
    is_there = store.exists() and (not store.is_file() or not is_unfinished(store))
    if is_there or _name_database(folder):
        raise ProjectError(f"{folder} is a project already: use it, or choose another folder.")
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        # both may be there, and empty, where an earlier init was interrupted or the disk was full
        settings = folder / SETTINGS_NAME
        if not settings.exists() or not settings.stat().st_size:
            _write_settings(settings, SETTINGS_TEXT)
        if database:
            open_postgresql(database, folder, create=True).close()
            line = f"\n# The database that holds the store.\ndatabase = {json.dumps(database)}\n"
            _write_settings(settings, settings.read_text(encoding="utf-8") + line)
            return
    except OSError as error:
        raise ProjectError(
            f"{folder} cannot be made ({error.strerror}): choose a folder that you may write."
        ) from error
    open_sqlite(store, create=True).close()


def _write_settings(path: Path, text: str) -> None:
    with write_whole(path) as partial, open_new(partial) as file:
        file.write(text.encode())


def open_project(folder: Path, *, in_file: bool = False) -> Project:
    """Open a project.

    Parameters
    ----------
    in_file
        Refuse a project in a database. For folders that come from others: the server that they
        name would be sent this machine's account and password.

    Raises
    ------
    ProjectError
        There is none, or its store cannot be used.
    InputError
        Its settings file is not as it must be, or names a database.
    """
    if not is_project(folder):
        raise ProjectError(
            f"{folder} is not an opp_mri project. Run `opp-mri init {folder}` first."
        )
    settings = read_settings(folder / SETTINGS_NAME)
    if in_file and settings.database:
        raise InputError(
            f"The settings of {folder} name a database, which opp_mri never writes there: they "
            "were altered. No connection was made; ask for the original."
        )
    store = (
        open_postgresql(settings.database, folder)
        if settings.database
        else open_sqlite(folder / STORE_NAME)
    )
    store.refuse_writing_after(folder / RETURN_NAME)
    return Project(folder=folder, settings=settings, store=store)


def is_project(folder: Path) -> bool:
    """Tell whether a folder holds a project, in a file or by the address of a database."""
    return (folder / STORE_NAME).is_file() or bool(_name_database(folder))


def _name_database(folder: Path) -> str:
    return read_settings(folder / SETTINGS_NAME).database if folder.is_dir() else ""


def read_settings(path: Path) -> Settings:
    """Read a settings file; the defaults where there is none.

    Raises
    ------
    InputError
        It is not as it must be.
    """
    try:
        document = parse_toml(read_document(path))
    except FileNotFoundError:
        return Settings()
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as TOML ({error}): correct it.") from error
    kinds = {field.name: type(field.default) for field in attrs.fields(Settings)} | {"peers": dict}
    for name, value in document.items():
        if name not in kinds:
            raise InputError(
                f"{path} has an unknown setting “{name}”: remove it; known are {', '.join(kinds)}."
            )
        if not isinstance(value, kinds[name]):
            raise InputError(f"{path}: “{name}” must be a {kinds[name].__name__}, not {value!r}.")
    return Settings(**document)

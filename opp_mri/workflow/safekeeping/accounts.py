"""Accounts of a project that is kept in a database."""

from collections.abc import Sequence
from typing import Final

from opp_mri.errors import ProjectError
from opp_mri.store.postgresql import Account, PostgresqlStore, Role
from opp_mri.workflow.project import Project

ROLES: Final = tuple(role.value for role in Role)


def add_account(project: Project, name: str, role: str, reader: str = "") -> str:
    """Make an account, and give its password.

    Parameters
    ----------
    name
        Of the account in the database.
    role
        One of the values of `Role`.
    reader
        Name of the reader in the protocol whose readings the account records; "" for other roles.

    Returns
    -------
    str
        The password, which is kept nowhere.

    Raises
    ------
    ProjectError
        The project is in a file, which has no accounts.
    InputError
        The name or the reader is taken, or does not fit the role.
    """
    return _store(project).add_account(Account(name=name, role=Role(role), reader=reader))


def remove_account(project: Project, name: str) -> None:
    """Remove an account; what it recorded stays. See `add_account` for a project in a file.

    Raises
    ------
    InputError
        There is no such account.
    """
    _store(project).remove_account(name)


def list_accounts(project: Project) -> Sequence[Account]:
    """Return all accounts, by name; see `add_account` for what is raised."""
    return _store(project).list_accounts()


def _store(project: Project) -> PostgresqlStore:
    if not isinstance(project.store, PostgresqlStore):
        raise ProjectError(
            "This project is stored in a file, which has no accounts: copy it into a PostgreSQL "
            "database with `opp-mri project copy`."
        )
    return project.store

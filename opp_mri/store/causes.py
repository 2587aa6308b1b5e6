"""Why a database refuses, by the codes of its errors, in plain words."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy.exc import DBAPIError

from opp_mri.errors import InputError, ProjectError

BUSY: Final = "busy"
FULL: Final = "full"
REFUSED: Final = "refused"
DAMAGED: Final = "damaged"
UNREACHABLE: Final = "unreachable"
STOPPED: Final = "stopped"
CROWDED: Final = "crowded"
SHORT: Final = "short"
SERVER_FULL: Final = "server full"
SERVER_FAULT: Final = "server fault"
SLOW: Final = "slow"
READ_ONLY: Final = "read-only"
FORBIDDEN: Final = "forbidden"
NO_CREDENTIAL: Final = "no password"
WRONG_CREDENTIAL: Final = "wrong password"
NO_ACCOUNT: Final = "no account"
NO_DATABASE: Final = "no database"
DECLINED: Final = "declined"
SHUT_OUT: Final = "shut out"
NOT_ENCRYPTED: Final = "not encrypted"
CONFLICT: Final = "conflict"
UNFIT: Final = "unfit"

SENTENCES: Final = {
    FULL: "The disk is full; nothing was changed. Make room and try again.",
    REFUSED: "The project's store cannot be opened or written: check the folder's permissions "
    "and that its drive is connected.",
    DAMAGED: "The project's store is damaged. Keep a copy of it, then restore its latest backup "
    "with `opp-mri restore`.",
    UNREACHABLE: "The database does not answer: check its address, whether it is running, and the "
    "network.",
    STOPPED: "The database server was stopped, or is about to start; what was not finished was "
    "not recorded. Try again when it runs.",
    CROWDED: "The database server has as many connections as it allows: try again when others have "
    "finished, or ask its administrator to allow more.",
    SHORT: "The database server is short of memory or of another resource; nothing was recorded. "
    "Try again later, or ask its administrator.",
    SERVER_FULL: "The disk of the database server is full; nothing was recorded. Ask its "
    "administrator to make room, and try again.",
    SERVER_FAULT: "The database server reports a fault of its own; nothing was recorded. Ask its "
    "administrator: the server's log says what it is.",
    SLOW: "This took longer than the server allows, so nothing was recorded. Try again when fewer "
    "are at work, or ask its administrator for a longer limit.",
    READ_ONLY: "The database accepts no changes now, so nothing was recorded: it is read-only, or "
    "a standby of another server. Ask its administrator.",
    NO_CREDENTIAL: "The database server asks for a password and was given none: give it by "
    "PGPASSWORD or a password file.",
    WRONG_CREDENTIAL: "The database server refuses this account or its password: check the account "
    "(in the address, or PGUSER) and the password (PGPASSWORD, or a password file).",
    NO_ACCOUNT: "The database server has no account of this name: check the account in the address "
    "or in PGUSER, or ask the study's coordinator for one.",
    NO_DATABASE: "The server has no database of this name: check the address, or have its "
    "administrator make the database.",
    DECLINED: "The database server refuses the connection: check account, password and database, "
    "or ask its administrator: the server's log says why.",
    SHUT_OUT: "No rule of the database server lets this account in from here: ask its "
    "administrator for one in pg_hba.conf.",
    NOT_ENCRYPTED: "The database server and this machine agree on no encrypted connection: check "
    "sslmode and the certificates.",
    CONFLICT: "Another user recorded the same in the meantime, so this was not recorded: look at "
    "it again.",
    UNFIT: "A text holds a character that is not text (U+0000, or bytes that are not UTF-8), which "
    "no database keeps: remove it. Nothing was recorded.",
    FORBIDDEN: "Your account of the database may not do this: ask the study's coordinator, or the "
    "administrator of the server.",
}

_SQLITE: Final = {
    sqlite3.SQLITE_BUSY: BUSY,
    sqlite3.SQLITE_LOCKED: BUSY,
    sqlite3.SQLITE_FULL: FULL,
    sqlite3.SQLITE_READONLY: REFUSED,
    sqlite3.SQLITE_CANTOPEN: REFUSED,
    sqlite3.SQLITE_IOERR: REFUSED,
    sqlite3.SQLITE_PERM: REFUSED,
    sqlite3.SQLITE_AUTH: REFUSED,
    sqlite3.SQLITE_CORRUPT: DAMAGED,
    sqlite3.SQLITE_NOTADB: DAMAGED,
    sqlite3.SQLITE_FORMAT: DAMAGED,
    sqlite3.SQLITE_ERROR: DAMAGED,  # a table, column or trigger is not as it was made
    sqlite3.SQLITE_SCHEMA: DAMAGED,
    sqlite3.SQLITE_MISMATCH: DAMAGED,
}
_POSTGRESQL: Final = {  # by SQLSTATE, or by its class of two characters
    "23505": CONFLICT,  # unique_violation
    "22021": UNFIT,  # character_not_in_repertoire
    "22P05": UNFIT,  # untranslatable_character: U+0000 in JSON
    "55P03": BUSY,  # lock_not_available
    "40": BUSY,  # transaction rollback: deadlock, serialization
    "25006": READ_ONLY,
    "25P03": SLOW,  # idle_in_transaction_session_timeout
    "25P04": SLOW,  # transaction_timeout
    "57014": SLOW,  # query_canceled, by statement_timeout
    "57P05": SLOW,  # idle_session_timeout
    "57P": STOPPED,
    "53100": SERVER_FULL,
    "53300": CROWDED,
    "53": SHORT,
    "42501": FORBIDDEN,
    "42704": FORBIDDEN,  # the role of an open session is gone: its account was removed
    "28P01": WRONG_CREDENTIAL,
    "28": FORBIDDEN,
    "3D000": NO_DATABASE,
    "08": UNREACHABLE,
    "3F000": DAMAGED,  # a schema, table, column or function is not as it was made
    "42P01": DAMAGED,
    "42703": DAMAGED,
    "42883": DAMAGED,
    "42804": DAMAGED,
    "XX001": DAMAGED,  # data_corrupted
    "XX002": DAMAGED,  # index_corrupted
    "XX": SERVER_FAULT,
    "58": SERVER_FAULT,
}
_CONNECTING: Final = {  # a refused connection has no code, only the words of the server
    r'database ".*" does not exist': NO_DATABASE,
    r'role ".*" does not exist': NO_ACCOUNT,
    "too many (clients|connections)|connection slots": CROWDED,
    r"pg_hba\.conf": SHUT_OUT,
    r'role ".*" is not permitted to log in|permission denied for database': FORBIDDEN,
    "(starting up|shutting down|in recovery mode|not yet accepting)": STOPPED,
    "authentication failed": WRONG_CREDENTIAL,
    r"\bSSL\b|certificate": NOT_ENCRYPTED,
}


@contextmanager
def translate_errors(busy: str) -> Iterator[None]:
    """Turn a database's error into a sentence, by its code.

    Parameters
    ----------
    busy
        The sentence where another program holds the database.
    """
    try:
        yield
    except DBAPIError as error:
        cause = find_cause(error.orig)
        if cause is None:
            raise
        if cause == UNFIT:
            raise InputError(SENTENCES[UNFIT]) from error
        raise ProjectError(busy if cause == BUSY else SENTENCES[cause]) from error
    except UnicodeEncodeError as error:  # an argument or a file name whose bytes are not UTF-8
        raise InputError(SENTENCES[UNFIT]) from error
    except UnicodeDecodeError as error:  # SQLite quotes a damaged name of a table, Python decodes
        raise ProjectError(SENTENCES[DAMAGED]) from error


def find_cause(error: BaseException | None) -> str | None:
    """Return the cause of a driver's error by its code; None where it is a fault of the program."""
    if isinstance(error, sqlite3.Error):
        code: int = getattr(error, "sqlite_errorcode", 0)
        return _SQLITE.get(code & 0xFF)
    state: str | None = getattr(error, "sqlstate", None)
    if state is not None:
        keys = (state, state[:3], state[:2])
        return next((_POSTGRESQL[key] for key in keys if key in _POSTGRESQL), None)
    if type(error).__name__ == "OperationalError":
        return _find_cause_of_connecting(error)
    return UNFIT if type(error).__name__ == "DataError" else None


def _find_cause_of_connecting(error: Any) -> str:
    """Return why there is no connection, where the server or the driver says so."""
    words = str(error)
    for pattern, cause in _CONNECTING.items():
        if re.search(pattern, words):
            return cause
    connection = getattr(error, "pgconn", None)  # says this in every language
    if connection is not None and connection.needs_password:
        return NO_CREDENTIAL
    return DECLINED if "FATAL" in words else UNREACHABLE

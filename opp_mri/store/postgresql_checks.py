"""Whether the guards of a PostgreSQL database are those that opp_mri made, by their content."""

import re
from collections.abc import Iterable
from typing import Any, Final

from sqlalchemy import Connection, text

from opp_mri.store.migrations.postgresql_guards import (
    CATALOGUE,
    CHAIN,
    IDENTITY,
    OF_CATALOGUE,
    POLICIES,
    PRIVATE,
    SEEN,
    TABLES_OF,
    VERSION,
)

FUNCTION: Final = re.compile(
    r"CREATE OR REPLACE FUNCTION (opp_mri_\w+)\((.*?)\) RETURNS(.*?)AS \$\$(.*?)\$\$", re.DOTALL
)
POLICY: Final = re.compile(r"CREATE POLICY (\w+) ON (\w+) (.*?);", re.DOTALL)
PATH: Final = ["search_path=public, pg_temp"]
TRIGGERS: Final = {
    "record_follows": "AFTER INSERT ON record FOR EACH ROW EXECUTE FUNCTION opp_mri_follow()",
    "record_signed": "AFTER INSERT ON record FOR EACH ROW "
    "WHEN (((new.kind)::text = 'Signature'::text)) EXECUTE FUNCTION opp_mri_note_signed()",
    "record_turns_rights": "AFTER INSERT ON record FOR EACH ROW "
    "WHEN (((new.kind)::text = ANY ((ARRAY['ReadingProtocol'::character varying, "
    "'Unblinding'::character varying])::text[]))) EXECUTE FUNCTION opp_mri_note_blinding()",
    "record_no_change": "BEFORE DELETE OR UPDATE OR TRUNCATE ON record FOR EACH STATEMENT "
    "EXECUTE FUNCTION opp_mri_refuse()",
}
"""What the server says of each trigger."""

OLDER: Final = (
    "The safeguards of the database are those of an older version of opp_mri: its owner brings "
    "them up to date by opening the project with this version."
)
NEWER: Final = (
    "The safeguards of the database are those of a newer version of opp_mri: update opp_mri."
)

Faults = list[str]


def read_guards_version(connection: Connection) -> int:
    """Return the version of the guards in the database; 1 where it is not kept yet."""
    query = text(f"SELECT obj_description(to_regnamespace('{PRIVATE}'), 'pg_namespace')")
    number = str(connection.scalar(query) or "").rpartition(" ")[2]
    return int(number) if number.isdigit() else 1


def owns_tables(connection: Connection) -> bool:
    """Return whether the account owns the tables, and so may change the guards."""
    query = "SELECT relowner = current_user::regrole FROM pg_class WHERE oid = 'record'::regclass"
    return bool(connection.scalar(text(query)))


def find_guard_faults(connection: Connection) -> Faults:
    """Return each guard that is absent, added or differs, and each account with more rights."""
    version = read_guards_version(connection)
    if version != VERSION:
        return [OLDER if version < VERSION else NEWER]
    return [
        *_compare("function", _expect_functions(), _read_functions(connection)),
        *_compare("trigger", TRIGGERS, _read_triggers(connection)),
        *_compare("policy", _expect_policies(connection), _read_policies(connection)),
        *_find_unsecured(connection),
        *_find_rights_beyond_roles(connection),
    ]


def _compare(kind: str, expected: dict[str, str], present: dict[str, str]) -> Faults:
    faults = [
        f"The {kind} “{name}” that guards the records is missing from the database."
        for name in sorted(expected.keys() - present.keys())
    ]
    faults += [
        f"The {kind} “{name}” was added to the database, and not by opp_mri."
        for name in sorted(present.keys() - expected.keys())
    ]
    return faults + [
        f"The {kind} “{name}” that guards the records differs from what opp_mri made."
        for name in sorted(expected.keys() & present.keys())
        if expected[name] != present[name]
    ]


def _expect_functions() -> dict[str, str]:
    functions = {}
    for name, arguments, settings, body in FUNCTION.findall(IDENTITY + CHAIN + SEEN):
        definer = "SECURITY DEFINER" in settings
        functions[f"{name}({' '.join(arguments.split())})"] = repr(
            (definer, PATH if definer else None, body)
        )
    return functions


def _read_functions(connection: Connection) -> dict[str, str]:
    rows = connection.execute(
        text(
            "SELECT proname || '(' || pg_get_function_identity_arguments(oid) || ')', "
            "prosecdef, proconfig, prosrc FROM pg_proc "
            "WHERE pronamespace IN ('public'::regnamespace, to_regnamespace(:private)) "
            "AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_proc.oid AND deptype = 'e')"
        ),
        {"private": PRIVATE},
    )
    return {name: repr((definer, path, body)) for name, definer, path, body in rows}


def _read_triggers(connection: Connection) -> dict[str, str]:
    rows = connection.execute(
        text(
            "SELECT tgname, tgenabled, pg_get_triggerdef(oid) FROM pg_trigger "
            "WHERE tgrelid = ANY (CAST(:tables AS regclass[])) AND NOT tgisinternal "
            "UNION ALL SELECT rulename, 'O', pg_get_ruledef(oid) FROM pg_rewrite "
            "WHERE ev_class = ANY (CAST(:tables AS regclass[]))"
        ),
        {"tables": list(TABLES_OF)},
    )
    return {
        name: definition.replace("public.", "").removeprefix(f"CREATE TRIGGER {name} ")
        for name, state, definition in rows
        if state != "D"
    }


def _read_policies(connection: Connection) -> dict[str, str]:
    rows = connection.execute(
        text(
            "SELECT tablename || '.' || policyname, permissive, roles, cmd, qual, with_check "
            "FROM pg_policies WHERE schemaname = 'public'"
        )
    )
    return {name: repr(tuple(rest)) for name, *rest in rows}


def _expect_policies(connection: Connection) -> dict[str, str]:
    """Create the policies on temporary tables of the same form, and ask the server for them.

    The server keeps a condition as a tree and writes it in words of its own.
    """
    statements = POLICY.findall(POLICIES + OF_CATALOGUE)
    before = connection.begin_nested()
    try:
        for table in {table for _, table, _ in statements}:
            connection.exec_driver_sql(f"CREATE TEMP TABLE opp_mri_{table} (LIKE public.{table})")
        driver: Any = connection.connection.driver_connection
        for name, table, rest in statements:
            driver.execute(f"CREATE POLICY {name} ON opp_mri_{table} {rest}")
        rows = connection.execute(
            text(
                "SELECT substr(tablename, 9) || '.' || policyname, permissive, roles, cmd, qual, "
                "with_check FROM pg_policies WHERE schemaname LIKE 'pg_temp%'"
            )
        ).all()
    finally:
        before.rollback()
    return {name: repr(tuple(rest)) for name, *rest in rows}


def _find_unsecured(connection: Connection) -> Faults:
    """Name tables that show rows to everybody, or whose values the planner keeps statistics of."""
    rows = connection.execute(
        text(
            "SELECT relname, relrowsecurity, EXISTS (SELECT FROM pg_attribute "
            "WHERE attrelid = pg_class.oid AND attnum > 0 AND NOT attisdropped "
            "AND coalesce(attstattarget, -1) <> 0) FROM pg_class "
            "WHERE oid = ANY (CAST(:tables AS regclass[])) ORDER BY relname"
        ),
        {"tables": list(TABLES_OF)},
    ).all()
    faults = [f"Row-level security of the table “{name}” is off." for name, on, _ in rows if not on]
    return faults + [
        f"The server keeps statistics of the table “{name}”, which tell its content to every "
        "account."
        for name, _, is_kept in rows
        if is_kept
    ]


def _find_rights_beyond_roles(connection: Connection) -> Faults:
    """Name accounts of the project that the guards do not hold."""
    private = {"account": "INSERT, UPDATE, DELETE", "signed_reading": "SELECT, INSERT, DELETE"}
    rights_by_table = {
        "record": "UPDATE, DELETE, TRUNCATE, TRIGGER",
        "chain_head": "INSERT, UPDATE, DELETE, TRUNCATE, TRIGGER",
        **{f"{PRIVATE}.{table}": rights for table, rights in private.items()},
    }
    further = " OR ".join(
        [
            *(
                f"has_table_privilege(rolname, '{table}', '{rights}')"
                for table, rights in rights_by_table.items()
            ),
            *_list_unseen("role <> 'coordinator'", ("record", "chain_head")),
            *_list_unseen("role <> 'coordinator' AND opp_mri_blinds(reader)", CATALOGUE),
        ]
    )
    rows = connection.scalars(
        text(
            f"SELECT rolname FROM pg_roles JOIN {PRIVATE}.account ON name = rolname "  # noqa: S608
            "WHERE rolsuper OR rolbypassrls OR rolcreaterole OR pg_has_role(rolname, "
            "(SELECT relowner FROM pg_class WHERE oid = 'record'::regclass), 'MEMBER') "
            f"OR has_schema_privilege(rolname, 'public', 'CREATE') OR {further} ORDER BY rolname"
        )
    )
    return [
        f"The account “{name}” has rights beyond its role, so that the safeguards do not hold it."
        for name in rows
    ]


def _list_unseen(accounts: str, tables: Iterable[str]) -> list[str]:
    """Return conditions that hold where some accounts can select from tables that hide rows."""
    return [
        f"{accounts} AND has_any_column_privilege(rolname, '{table}', 'SELECT')" for table in tables
    ]

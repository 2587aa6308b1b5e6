"""The chain and the roles of accounts, held by PostgreSQL itself.

Functions run with the rights of the project's owner, so that an account needs none on the tables
that they look at. Their search path is fixed: no temporary table can replace one of them.
Those of triggers cannot be called by an account: on a table of its own they would move the head.
The head moves after a row is there, since ON CONFLICT DO NOTHING runs BEFORE triggers without it.
`session_user` is the account that logged in, whoever owns the function.

The statements can be executed again on a database that has guards of an older version.

An account may select from a table only where it may see each row of it. A policy alone does not
hide a row: the server compares texts before it asks the policy, and EXPLAIN ANALYZE reveals which
rows passed the comparison, so that a script reads a hidden record letter by letter. Records are
therefore read through a function, whose plan no account sees, and a blinded account has no right
on the other tables. For the same reason the server keeps no statistics of columns: EXPLAIN derives
the number of rows that it expects from them.
"""

from typing import Final

PRIVATE: Final = "opp_mri_private"
VERSION: Final = 6  # of these statements, kept as the comment of the schema; a test compares them
CATALOGUE: Final = ("file", "instance", "stale_patient", "described_with", "volume", "frame")
TABLES_OF: Final = ("record", "chain_head", "place", *CATALOGUE)

TABLES: Final = """
CREATE SCHEMA IF NOT EXISTS opp_mri_private;
CREATE TABLE IF NOT EXISTS opp_mri_private.account (
    name text PRIMARY KEY, role text NOT NULL CHECK
        (role IN ('reader', 'adjudicator', 'coordinator', 'analyst')),
    reader text NOT NULL
);
CREATE TABLE IF NOT EXISTS opp_mri_private.signed_reading (reading_id text PRIMARY KEY);
"""

# A changed type, though it is the same, is what removes the statistics that are there already.
REMOVAL: Final = """
DO $$
DECLARE
    guard record;
BEGIN
    FOR guard IN SELECT policyname, tablename FROM pg_policies WHERE schemaname = 'public' LOOP
        EXECUTE format('DROP POLICY %I ON %I', guard.policyname, guard.tablename);
    END LOOP;
    FOR guard IN SELECT tgname FROM pg_trigger
        WHERE tgrelid = 'record'::regclass AND NOT tgisinternal LOOP
        EXECUTE format('DROP TRIGGER %I ON record', guard.tgname);
    END LOOP;
    FOR guard IN SELECT attrelid::regclass AS name, attname,
            format_type(atttypid, atttypmod) AS type FROM pg_attribute
        WHERE attrelid = ANY (ARRAY[{tables}]::regclass[]) AND attnum > 0 AND NOT attisdropped LOOP
        EXECUTE format('ALTER TABLE %s ALTER COLUMN %I TYPE %s, ALTER COLUMN %I SET STATISTICS 0',
            guard.name, guard.attname, guard.type, guard.attname);
    END LOOP;
END $$;
""".replace("{tables}", ", ".join(f"'{table}'" for table in TABLES_OF))

IDENTITY: Final = """
CREATE OR REPLACE FUNCTION opp_mri_role() RETURNS text LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = public, pg_temp AS $$
    SELECT CASE WHEN session_user = current_user THEN 'coordinator'
        ELSE coalesce(
            (SELECT role FROM opp_mri_private.account WHERE name = session_user), 'none') END
$$;
CREATE OR REPLACE FUNCTION opp_mri_reader() RETURNS text LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = public, pg_temp AS $$
    SELECT coalesce((SELECT reader FROM opp_mri_private.account WHERE name = session_user), '')
$$;
CREATE OR REPLACE FUNCTION opp_mri_blinds(reader text) RETURNS boolean LANGUAGE sql STABLE
SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT NOT EXISTS (SELECT 1 FROM record WHERE kind = 'Unblinding')
        AND coalesce((SELECT body::jsonb -> 'readers' ? $1 FROM record
            WHERE kind = 'ReadingProtocol' ORDER BY sequence_number DESC LIMIT 1), false)
$$;
CREATE OR REPLACE FUNCTION opp_mri_blinded() RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = public, pg_temp AS $$
    SELECT opp_mri_blinds(opp_mri_reader())
$$;
CREATE OR REPLACE FUNCTION opp_mri_counts(reading_id text, body text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT coalesce(body::jsonb ->> 'draft', 'false') <> 'true'
        OR EXISTS (SELECT 1 FROM opp_mri_private.signed_reading s WHERE s.reading_id = $1)
$$;
"""

CHAIN: Final = """
CREATE OR REPLACE FUNCTION opp_mri_part(part text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT length(part) || ':' || part
$$;
CREATE OR REPLACE FUNCTION opp_mri_follow() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
DECLARE
    head chain_head%ROWTYPE;
    content jsonb;
BEGIN
    SELECT * INTO head FROM chain_head FOR UPDATE;
    IF NEW.sequence_number <> head.sequence_number + 1 OR NEW.previous_hash <> head.hash THEN
        RAISE EXCEPTION 'record is append-only: a row follows the head of the chain';
    END IF;
    IF NEW.hash <> encode(sha256(convert_to(
        opp_mri_part(NEW.sequence_number::text) || opp_mri_part(NEW.kind)
        || opp_mri_part(coalesce(NEW.key, '')) || opp_mri_part(NEW.subject)
        || opp_mri_part(NEW.reader) || opp_mri_part(NEW.account)
        || opp_mri_part(NEW.recorded_at) || opp_mri_part(NEW.written_at)
        || opp_mri_part(NEW.previous_hash) || opp_mri_part(NEW.body), 'UTF8')), 'hex') THEN
        RAISE EXCEPTION 'the hash of the record is not that of its content';
    END IF;
    IF session_user <> current_user OR NEW.kind IN
        ('Reading', 'VolumeReading', 'Signature', 'ReadingProtocol') THEN
        content := NEW.body::jsonb;  -- refuses what the guards could not read later
    END IF;
    IF session_user <> current_user THEN
        IF NEW.account <> session_user OR opp_mri_role() <> 'coordinator' AND (
            NEW.reader <> coalesce(content ->> 'reader', content ->> 'signed_by',
                content ->> 'recorded_by', '')
            OR NEW.kind = 'Resolution'
                AND NOT coalesce(content -> 'resolved_by' ? opp_mri_reader(), false)) THEN
            RAISE EXCEPTION 'an account writes in its own name' USING ERRCODE = '42501';
        END IF;
    END IF;
    UPDATE chain_head SET sequence_number = NEW.sequence_number, hash = NEW.hash;
    RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION opp_mri_note_signed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO opp_mri_private.signed_reading
    SELECT covered FROM jsonb_array_elements_text(NEW.body::jsonb -> 'reading_ids') AS covered
    WHERE NOT EXISTS (
        SELECT 1 FROM record s, jsonb_array_elements_text(
            coalesce(s.body::jsonb -> 'together_with', '[]')) AS signer
        WHERE s.kind = 'Signature' AND s.subject = NEW.subject
            AND s.body::jsonb -> 'reading_ids' ? covered
            AND NOT EXISTS (SELECT 1 FROM record t WHERE t.kind = 'Signature'
                AND t.subject = NEW.subject AND t.reader = signer
                AND t.body::jsonb -> 'reading_ids' ? covered))
        AND EXISTS (SELECT 1 FROM record r WHERE r.kind IN ('Reading', 'VolumeReading')
            AND r.key = covered
            AND (r.reader = 'consensus' OR EXISTS (SELECT 1 FROM record own
                WHERE own.kind = 'Signature' AND own.reader = r.reader
                AND own.subject = NEW.subject AND own.body::jsonb -> 'reading_ids' ? covered)))
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION opp_mri_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
END $$;
CREATE TRIGGER record_follows AFTER INSERT ON record
    FOR EACH ROW EXECUTE FUNCTION opp_mri_follow();
CREATE TRIGGER record_signed AFTER INSERT ON record
    FOR EACH ROW WHEN (NEW.kind = 'Signature') EXECUTE FUNCTION opp_mri_note_signed();
CREATE TRIGGER record_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON record
    FOR EACH STATEMENT EXECUTE FUNCTION opp_mri_refuse();
REVOKE EXECUTE ON FUNCTION opp_mri_follow(), opp_mri_note_signed() FROM PUBLIC;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
"""


# An allow-list: a kind that is not named here is for the coordinator alone. A blinded reader reads
# in a package: with the project's dates, lesions and images a script would see through it. Blinded
# or not, nothing of a record that is not returned shows, but that it takes time to pass it over.
SEEN: Final = """
CREATE OR REPLACE FUNCTION opp_mri_records(of_kind text, of_subject text, of_keys text[],
    after integer) RETURNS SETOF public.record LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = public, pg_temp AS $$
DECLARE
    role text := opp_mri_role();
    own text := opp_mri_reader();
    reads boolean := role IN ('reader', 'adjudicator');
BEGIN
    IF role = 'none' THEN
        RETURN;
    ELSIF role <> 'coordinator' AND opp_mri_blinded() THEN
        RETURN QUERY WITH seen AS MATERIALIZED (SELECT * FROM record r
            WHERE r.kind IN ('ReadingProtocol', 'Unblinding', 'StoreUpgrade')
            OR reads AND r.reader = own AND r.account = session_user)
        SELECT * FROM seen r WHERE (of_kind IS NULL OR r.kind = of_kind)
            AND (of_subject IS NULL OR r.subject = of_subject)
            AND (of_keys IS NULL OR r.key = ANY (of_keys))
            AND (after IS NULL OR r.sequence_number > after);
        RETURN;
    END IF;
    RETURN QUERY SELECT * FROM record r
    WHERE (of_kind IS NULL OR r.kind = of_kind) AND (of_subject IS NULL OR r.subject = of_subject)
        AND (of_keys IS NULL OR r.key = ANY (of_keys))
        AND (after IS NULL OR r.sequence_number > after)
        AND (role = 'coordinator'
        OR r.kind IN ('ReadingProtocol', 'Unblinding', 'StoreUpgrade', 'Lesion', 'RoleOverride',
            'SamePatient', 'Alignment', 'AlignmentDecision', 'Signature', 'Resolution', 'Visit')
        OR reads AND r.reader = own
        OR r.kind IN ('Reading', 'VolumeReading') AND opp_mri_counts(r.key, r.body)
        OR role = 'reader' AND r.kind IN ('Reading', 'VolumeReading')
            AND r.reader = 'consensus');
END $$;
CREATE OR REPLACE FUNCTION opp_mri_head() RETURNS SETOF chain_head LANGUAGE plpgsql STABLE
SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF opp_mri_role() = 'coordinator' OR opp_mri_role() <> 'none' AND NOT opp_mri_blinded() THEN
        RETURN QUERY SELECT * FROM chain_head;
    END IF;
END $$;
CREATE OR REPLACE FUNCTION opp_mri_fit_rights() RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
DECLARE
    held record;
BEGIN
    FOR held IN SELECT name, opp_mri_blinds(reader) AS blinded
        FROM opp_mri_private.account JOIN pg_roles ON rolname = name
        WHERE role <> 'coordinator' LOOP
        EXECUTE format('REVOKE SELECT ON record, chain_head FROM %I', held.name);
        IF held.blinded THEN
            EXECUTE format('REVOKE ALL ON place, {catalogue} FROM %I', held.name);
        ELSE
            EXECUTE format('GRANT SELECT ON place, {catalogue} TO %I', held.name);
            EXECUTE format('GRANT INSERT, UPDATE ON place TO %I', held.name);
        END IF;
    END LOOP;
END $$;
CREATE OR REPLACE FUNCTION opp_mri_note_blinding() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM opp_mri_fit_rights();
    RETURN NULL;
END $$;
CREATE TRIGGER record_turns_rights AFTER INSERT ON record
    FOR EACH ROW WHEN (NEW.kind IN ('ReadingProtocol', 'Unblinding'))
    EXECUTE FUNCTION opp_mri_note_blinding();
REVOKE EXECUTE ON FUNCTION opp_mri_fit_rights(), opp_mri_note_blinding(),
    opp_mri_counts(text, text) FROM PUBLIC;
""".replace("{catalogue}", ", ".join(CATALOGUE))

# A function in a SELECT of its own is called once for a statement, and not for each row.
POLICIES: Final = """
ALTER TABLE record ENABLE ROW LEVEL SECURITY;
CREATE POLICY record_seen ON record FOR SELECT USING ((SELECT opp_mri_role()) = 'coordinator');
CREATE POLICY record_written ON record FOR INSERT WITH CHECK (
    (SELECT opp_mri_role()) = 'coordinator'
    OR ((SELECT opp_mri_role()) IN ('reader', 'adjudicator') AND NOT (SELECT opp_mri_blinded())
        AND ((kind IN ('Reading', 'VolumeReading', 'Signature', 'ApAxis', 'CommonPoint',
                'AlignmentDecision', 'LevelConfirmation', 'Visit')
            AND reader = (SELECT opp_mri_reader()))
        OR kind = 'Resolution'
        OR (kind IN ('Reading', 'VolumeReading') AND reader = 'consensus')))
);
ALTER TABLE chain_head ENABLE ROW LEVEL SECURITY;
CREATE POLICY head_seen ON chain_head FOR SELECT USING ((SELECT opp_mri_role()) = 'coordinator');
ALTER TABLE place ENABLE ROW LEVEL SECURITY;
CREATE POLICY place_own ON place USING (
    (SELECT opp_mri_role()) = 'coordinator' OR reader = (SELECT opp_mri_reader()));
REVOKE ALL ON SCHEMA opp_mri_private FROM PUBLIC;
"""

OF_CATALOGUE: Final = "".join(
    f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY; "
    f"CREATE POLICY catalogue_seen ON {table} USING ((SELECT opp_mri_role()) = 'coordinator' "
    "OR ((SELECT opp_mri_role()) <> 'none' AND NOT (SELECT opp_mri_blinded())));\n"
    for table in CATALOGUE
)

STAMP: Final = (
    f"SELECT opp_mri_fit_rights(); COMMENT ON SCHEMA {PRIVATE} IS 'opp_mri guards {VERSION}';"
)

STATEMENTS: Final = (TABLES, REMOVAL, IDENTITY, CHAIN, SEEN, POLICIES, OF_CATALOGUE, STAMP)

-- +goose Up

-- Which database this is. What it holds cannot tell alone, since a dump takes that along: so also its number and its outbox's,
-- which a restore gives anew; the transaction that wrote its name, since a restore writes it again; the cluster; and the
-- timeline, which changes when a backup is rolled forward or a standby promoted.
-- SECURITY DEFINER, because the role of the service may be kept from asking for the cluster.
-- +goose StatementBegin
CREATE FUNCTION cache_database_identity() RETURNS text
    LANGUAGE plpgsql
    SECURITY DEFINER
    SET search_path FROM CURRENT
    AS $$
DECLARE
    name     text;
    cluster  text := '';
    timeline text := 'standby';
BEGIN
    SELECT min(id::text || '.' || xmin::text) INTO name FROM cache_database;
    BEGIN
        SELECT system_identifier::text INTO cluster FROM pg_control_system();
    EXCEPTION WHEN insufficient_privilege THEN
        NULL; -- the rest has to do
    END;
    IF NOT pg_is_in_recovery() THEN
        timeline := left(pg_walfile_name(pg_current_wal_lsn()), 8);
    END IF;
    RETURN concat_ws(':', coalesce(name, ''), (SELECT oid FROM pg_database WHERE datname = current_database()), 'cache_outbox'::regclass::oid, cluster, timeline);
END
$$;
-- +goose StatementEnd

-- +goose Down
DROP FUNCTION cache_database_identity();

-- Fills a migrated database with :requests requests (psql -v requests=10000): two to a district, in the states and with
-- the facts that a vendor's would have. Request number n has the id that ends in n, so that a client can name any of them.
-- Names are spread so that a search finds as many rows, or as few, whatever the number of requests.

-- The indexes are made anew afterwards, which takes half as long.
CREATE TEMP TABLE load_index AS
    SELECT format('%I', indexname) AS name, indexdef FROM pg_indexes
    WHERE schemaname = 'public' AND tablename IN ('district', 'request') AND indexname NOT IN (SELECT conname FROM pg_constraint);
SELECT 'DROP INDEX ' || name FROM load_index \gexec

BEGIN;
SET LOCAL synchronous_commit = off;

CREATE FUNCTION pg_temp.load_id(sort text, n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
    SELECT ('0193' || sort || '000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid
$$;

INSERT INTO district (id, clever_id, name, type, state, nces_id, time_zone, time_zone_source, account_manager, contacts,
    license_seats, licensed_teachers, clever, search, version, created_at, updated_at)
SELECT pg_temp.load_id('d', n), 'load' || n, name, 'district', 'CA', lpad(n::text, 7, '0'), 'America/Los_Angeles', 'given',
    'manager' || n % 100 || '@vendor.example',
    jsonb_build_array(jsonb_build_object('name', 'Lee Park', 'email', 'lee' || n || '@district' || n || '.example', 'role', 'requester')),
    500, '{}', NULL, lower(name), 1, at, at
FROM (
    SELECT n, md5(n::text || 'district') || ' Unified School District ' || n AS name,
        timestamptz '2026-01-01' + n * interval '1 second' AS at
    FROM generate_series(1, :requests / 2) n
) districts;

INSERT INTO request (id, district_id, kind, attempt, state, awaiting, requester_name, requester_email, requester_title,
    message, source, external_id, requested_date, launch_date, launch_at, launch_status, launched_at, sharing_method,
    sharing_rules, sharing_completed_at, sharing_source, checklist, decision_by, decision_at, decision_message,
    configured_at, ended_at, account_manager, search, version, created_at, updated_at)
SELECT pg_temp.load_id('e', n), d.id, kind, 1, stage,
    CASE WHEN kind = 'rostering' AND stage = 'pending' THEN 'sso' END,
    'Lee Park', 'lee' || district || '@district' || district || '.example', 'Tech admin', NULL, 'api', NULL,
    date, date, date::timestamp AT TIME ZONE 'America/Los_Angeles',
    CASE WHEN stage NOT IN ('shared', 'configured') THEN 'waiting' WHEN is_ahead THEN 'scheduled' ELSE 'launched' END,
    CASE WHEN stage IN ('shared', 'configured') AND NOT is_ahead THEN at END,
    CASE WHEN stage IN ('shared', 'configured') THEN 'sections' END,
    CASE WHEN stage IN ('shared', 'configured') THEN '["s1"]'::json END,
    CASE WHEN stage IN ('shared', 'configured') THEN at END,
    CASE WHEN stage IN ('shared', 'configured') THEN 'manual' END,
    CASE kind WHEN 'sso' THEN
        '[{"item":"data_reviewed","status":"open","by":null,"at":null,"note":null},{"item":"login_tested","status":"open","by":null,"at":null,"note":null}]'::json
    ELSE
        '[{"item":"data_reviewed","status":"open","by":null,"at":null,"note":null},{"item":"license_confirmed","status":"open","by":null,"at":null,"note":null},{"item":"sharing_matches_sso","status":"open","by":null,"at":null,"note":null},{"item":"import_enabled","status":"open","by":null,"at":null,"note":null}]'::json
    END,
    CASE WHEN stage IN ('approved', 'shared', 'configured', 'declined') THEN 'amy' END,
    CASE WHEN stage IN ('approved', 'shared', 'configured', 'declined') THEN at END, NULL,
    CASE WHEN stage = 'configured' THEN at END, CASE WHEN stage = 'declined' THEN at END, d.account_manager,
    d.search || E'\nlee park\nlee' || district || '@district' || district || '.example', 1, at, at
FROM (
    -- None is due: what is launched while something is measured would be measured too.
    SELECT *, n % 10 < 5 AND coalesce(date > current_date + 1, false) AS is_ahead FROM (
    SELECT n, (n + 1) / 2 AS district, CASE WHEN n % 2 = 1 THEN 'sso' ELSE 'rostering' END AS kind,
        -- Of ten districts one waits, one is approved, one shared, and one has ended.
        CASE ((n + 1) / 2) % 10 WHEN 0 THEN 'pending' WHEN 1 THEN 'approved' WHEN 2 THEN 'shared' WHEN 3 THEN 'declined'
            ELSE 'configured' END AS stage,
        CASE WHEN (n / 2) % 3 > 0 THEN date '2026-01-01' + (n::bigint * 7919 % 1000)::int END AS date,
        timestamptz '2026-01-01' + n * interval '500 milliseconds' AS at
    FROM generate_series(1, :requests) n
    ) dated
) requests JOIN district d ON d.id = pg_temp.load_id('d', district);
COMMIT;
SET maintenance_work_mem = '512MB';
SELECT indexdef FROM load_index \gexec
VACUUM ANALYZE district;
VACUUM ANALYZE request;

-- The tables of Hallpass. Every table with district data carries district_id. The database holds the invariants too:
-- which states exist, which facts a state implies, at most one open request of a kind for a district, and an audit
-- trail that can only grow. Instants are written by the service in UTC with milliseconds.

-- Every run of four characters in a text, and at its end the shorter ones: what an index needs to find a substring. One of
-- up to three characters begins such a run; a longer one is made of them. (The trigrams of pg_trgm know nothing of one
-- or two characters, nor of what is no letter or digit.)
CREATE FUNCTION search_grams(text text) RETURNS tsvector LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    grams text[] := '{}';
BEGIN
    -- A loop takes two thirds of the time of a query, which would be started anew for each text.
    FOR start IN 1..char_length(text) LOOP
        grams := grams || substr(text, start, 4);
    END LOOP;
    RETURN array_to_tsvector(grams);
END $$;

-- Columns of a few known words. A domain's CHECK is made ready once a session; a table's is read anew by each statement
-- that writes there.
CREATE DOMAIN district_type AS text CONSTRAINT district_type_known CHECK (VALUE IN ('district', 'school'));
CREATE DOMAIN district_time_zone_source AS text CONSTRAINT district_time_zone_source_known CHECK (
    VALUE IN ('given', 'assumed'));
CREATE DOMAIN integration_kind AS text CONSTRAINT integration_kind_known CHECK (VALUE IN ('sso', 'rostering'));
CREATE DOMAIN request_state AS text CONSTRAINT request_state_known CHECK (
    VALUE IN ('pending', 'needs_info', 'approved', 'shared', 'configured', 'declined', 'withdrawn', 'disconnected'));
CREATE DOMAIN request_awaiting AS text CONSTRAINT request_awaiting_known CHECK (VALUE = 'sso');
CREATE DOMAIN request_source AS text CONSTRAINT request_source_known CHECK (VALUE IN ('webhook', 'api'));
CREATE DOMAIN request_launch_status AS text CONSTRAINT request_launch_status_known CHECK (
    VALUE IN ('waiting', 'scheduled', 'launched'));
CREATE DOMAIN request_sharing_method AS text CONSTRAINT request_sharing_method_known CHECK (
    VALUE IN ('sections', 'schools', 'rules', 'district'));
CREATE DOMAIN request_sharing_source AS text CONSTRAINT request_sharing_source_known CHECK (VALUE IN ('webhook', 'manual'));
CREATE DOMAIN timeline_entry_type AS text CONSTRAINT timeline_entry_type_known CHECK (
    VALUE IN ('callback', 'decision', 'sharing', 'launch', 'email', 'note'));
CREATE DOMAIN email_status AS text CONSTRAINT email_status_known CHECK (
    VALUE IN ('queued', 'sending', 'sent', 'failed', 'cancelled'));
CREATE DOMAIN webhook_delivery_status AS text CONSTRAINT webhook_delivery_status_known CHECK (
    VALUE IN ('processed', 'ignored', 'superseded', 'parked', 'rejected', 'conflict'));
CREATE DOMAIN token_role AS text CONSTRAINT token_role_known CHECK (VALUE IN ('viewer', 'submitter', 'manager', 'admin'));
CREATE DOMAIN sharing_teacher_presence AS text CONSTRAINT sharing_teacher_presence_known CHECK (
    VALUE IN ('sso', 'rostering', 'both'));

CREATE TABLE district (
    id uuid PRIMARY KEY,
    clever_id text CONSTRAINT district_clever_id_taken UNIQUE
        CONSTRAINT district_clever_id_form CHECK (clever_id ~ '^[A-Za-z0-9_-]{1,64}$'),
    name text NOT NULL CONSTRAINT district_name_length CHECK (char_length(name) BETWEEN 1 AND 200),
    type district_type NOT NULL,
    state text CONSTRAINT district_state_form CHECK (state ~ '^[A-Z]{2}$'),
    nces_id text,
    time_zone text NOT NULL,
    time_zone_source district_time_zone_source NOT NULL,
    account_manager text,
    contacts jsonb NOT NULL DEFAULT '[]',
    license_seats integer CONSTRAINT district_license_seats_range CHECK (license_seats >= 0),
    licensed_teachers text[] NOT NULL DEFAULT '{}',
    clever jsonb,
    -- The name as it is searched: normalised and folded by the service.
    search text NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE INDEX district_by_created_at ON district (created_at DESC, id DESC);
CREATE INDEX district_by_account_manager ON district (account_manager, created_at DESC, id DESC);
CREATE INDEX district_by_search ON district USING gin (search_grams(search));

CREATE TABLE request (
    id uuid PRIMARY KEY,
    district_id uuid NOT NULL REFERENCES district (id) ON DELETE CASCADE,
    kind integration_kind NOT NULL,
    attempt integer NOT NULL CONSTRAINT request_attempt_range CHECK (attempt >= 1),
    state request_state NOT NULL,
    awaiting request_awaiting,
    requester_name text NOT NULL,
    requester_email text NOT NULL,
    requester_title text,
    message text,
    source request_source NOT NULL,
    external_id text,
    requested_date date,
    launch_date date,
    -- The first instant of launch_date in the district's zone.
    launch_at timestamptz,
    launch_status request_launch_status NOT NULL,
    launched_at timestamptz,
    sharing_method request_sharing_method,
    -- json, not jsonb: kept verbatim, and read without being written out anew.
    sharing_rules json,
    sharing_completed_at timestamptz,
    sharing_source request_sharing_source,
    -- [{"item","status","by","at","note"}], in the order of the configuration at the time of asking.
    checklist json NOT NULL,
    decision_by text,
    decision_at timestamptz,
    decision_message text,
    configured_at timestamptz,
    -- What is shared for a request is kept for a while from here on; the request may be touched later.
    ended_at timestamptz,
    -- The district's account manager again, so that a list filtered by it is one index scan.
    account_manager text,
    -- District name, requester and e-mail as they are searched.
    search text NOT NULL,
    -- What the filters by kind, state, launch_status and awaiting ask of a request, as one number. Written out, since a
    -- function would be parsed anew by each statement that writes a request.
    facet integer NOT NULL GENERATED ALWAYS AS (
        CASE kind WHEN 'sso' THEN 0 ELSE 1000 END + CASE WHEN awaiting IS NULL THEN 0 ELSE 100 END
        + 10 * CASE state WHEN 'pending' THEN 0 WHEN 'needs_info' THEN 1 WHEN 'approved' THEN 2 WHEN 'shared' THEN 3
            WHEN 'configured' THEN 4 WHEN 'declined' THEN 5 WHEN 'withdrawn' THEN 6 ELSE 7 END
        + CASE launch_status WHEN 'waiting' THEN 0 WHEN 'scheduled' THEN 1 ELSE 2 END) STORED,
    -- When the date of a request has passed that is undecided or waits for the wizard: its next step is another one then.
    overdue_at timestamptz,
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT request_attempt_once UNIQUE (district_id, kind, attempt),
    CONSTRAINT request_awaiting_only_open_rostering CHECK (
        awaiting IS NULL OR (kind = 'rostering' AND state NOT IN ('declined', 'withdrawn', 'disconnected'))),
    CONSTRAINT request_launch_at_with_date CHECK ((launch_date IS NULL) = (launch_at IS NULL)),
    CONSTRAINT request_launch_status_with_state CHECK (CASE
        WHEN state IN ('shared', 'configured') THEN launch_status <> 'waiting'
        WHEN state <> 'disconnected' THEN launch_status = 'waiting' ELSE true END),
    CONSTRAINT request_launched_at_with_status CHECK ((launch_status = 'launched') = (launched_at IS NOT NULL)),
    CONSTRAINT request_sharing_with_state CHECK (
        state NOT IN ('shared', 'configured') OR sharing_completed_at IS NOT NULL),
    CONSTRAINT request_configured_at_with_state CHECK (state <> 'configured' OR configured_at IS NOT NULL),
    CONSTRAINT request_ended_at_with_state CHECK (
        (state IN ('declined', 'withdrawn', 'disconnected')) = (ended_at IS NOT NULL)),
    CONSTRAINT request_decided CHECK (state NOT IN ('approved', 'shared', 'configured', 'declined') OR decision_at IS NOT NULL)
);
CREATE UNIQUE INDEX request_one_open ON request (district_id, kind)
    WHERE state NOT IN ('declined', 'withdrawn', 'disconnected');
CREATE UNIQUE INDEX request_external_id_once ON request (external_id) WHERE external_id IS NOT NULL AND source = 'webhook';
-- The list: for each sort an index of the whole table, one by facet and one by account manager. What they include lets
-- the other filters be judged, and the page be sorted, without a visit to the table.
CREATE INDEX request_by_created_at ON request (created_at, id) INCLUDE (updated_at, launch_date);
CREATE INDEX request_by_updated_at ON request (updated_at, id) INCLUDE (created_at, launch_date);
CREATE INDEX request_by_launch_day ON request (coalesce(launch_date, 'infinity'::date), id)
    INCLUDE (launch_date, created_at, updated_at);
-- By day, for a range of launch dates in the order of another sort.
CREATE INDEX request_by_launch_date_and_created_at ON request (launch_date, created_at, id) WHERE launch_date IS NOT NULL;
CREATE INDEX request_by_launch_date_and_updated_at ON request (launch_date, updated_at, id) WHERE launch_date IS NOT NULL;
CREATE INDEX request_by_facet_and_created_at ON request (facet, created_at, id);
CREATE INDEX request_by_facet_and_updated_at ON request (facet, updated_at, id);
CREATE INDEX request_by_facet_and_launch_day ON request (facet, coalesce(launch_date, 'infinity'::date), id)
    INCLUDE (launch_date);
CREATE INDEX request_by_account_manager_and_created_at ON request (account_manager, created_at, id) INCLUDE (facet)
    WHERE account_manager IS NOT NULL;
CREATE INDEX request_by_account_manager_and_updated_at ON request (account_manager, updated_at, id) INCLUDE (facet)
    WHERE account_manager IS NOT NULL;
CREATE INDEX request_by_account_manager_and_launch_day
    ON request (account_manager, coalesce(launch_date, 'infinity'::date), id) INCLUDE (launch_date, facet)
    WHERE account_manager IS NOT NULL;
CREATE INDEX request_by_search ON request USING gin (search_grams(search));
CREATE INDEX request_due ON request (launch_at) WHERE launch_status = 'scheduled';
CREATE INDEX request_overdue ON request (overdue_at) WHERE overdue_at IS NOT NULL AND updated_at < overdue_at;

-- One row an audited change. A chain is a request's entries, a district's, or the service's own (the nil UUID);
-- `hash` covers the chain, the position, the hash before, `at`, `actor`, `action` and `digest`; `digest` covers what
-- an erasure takes away, so that a chain can still be checked afterwards.
CREATE TABLE audit_entry (
    id uuid PRIMARY KEY,
    chain_id uuid NOT NULL,
    position integer NOT NULL,
    at timestamptz NOT NULL,
    actor text NOT NULL,
    actor_role text,
    action text NOT NULL,
    request_id uuid,
    district_id uuid,
    before jsonb,
    after jsonb,
    http_request_id text,
    erased boolean NOT NULL DEFAULT false,
    digest bytea NOT NULL,
    hash bytea NOT NULL,
    CONSTRAINT audit_entry_position_once UNIQUE (chain_id, position)
);
CREATE INDEX audit_entry_by_at ON audit_entry (at DESC, id DESC);
CREATE INDEX audit_entry_by_actor ON audit_entry (actor, at DESC, id DESC);
CREATE INDEX audit_entry_by_action ON audit_entry (action, at DESC, id DESC);
CREATE INDEX audit_entry_by_request ON audit_entry (request_id, at DESC, id DESC) WHERE request_id IS NOT NULL;
CREATE INDEX audit_entry_by_district ON audit_entry (district_id) WHERE district_id IS NOT NULL;

-- The order in which GET /v1/events tells of audit entries, for 7 days. A row comes with its entry, without a number:
-- transactions do not become visible in the order in which they began, so a number given here could show up after a
-- higher one was read. One instance at a time numbers what is committed. Small rows of their own, so that the numbering
-- rewrites no audit entry and none of its indexes.
CREATE TABLE event (
    entry_id uuid NOT NULL,
    at timestamptz NOT NULL,
    number bigint
);
CREATE UNIQUE INDEX event_by_number ON event (number) WHERE number IS NOT NULL;
CREATE INDEX event_untold ON event (at, entry_id) WHERE number IS NULL;
CREATE SEQUENCE event_number;

-- What the digest covers, as text. jsonb has one spelling for one value, so the text is stable.
-- STABLE as the conversions that it calls are: PostgreSQL only inlines a function that promises no more than what it calls,
-- and else plans it anew in each transaction.
CREATE FUNCTION audit_digest(e audit_entry) RETURNS bytea LANGUAGE sql STABLE AS $$
    SELECT sha256(convert_to(jsonb_build_array(
        e.actor_role, e.request_id, e.district_id, e.before, e.after, e.http_request_id)::text, 'UTF8'))
$$;

CREATE FUNCTION audit_hash(e audit_entry, previous bytea) RETURNS bytea LANGUAGE sql STABLE AS $$
    SELECT sha256(coalesce(previous, ''::bytea) || e.digest || convert_to(jsonb_build_array(
        e.id, e.chain_id, e.position, (extract(epoch FROM e.at) * 1000)::bigint, e.actor, e.action)::text, 'UTF8'))
$$;

-- The chain is made here, so that no writer can forget it. The writer holds the row that owns the chain (the district,
-- or the service's advisory lock), so positions are taken one after another.
CREATE FUNCTION audit_entry_chain() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    last_position integer;
    last_hash bytea;
BEGIN
    SELECT position, hash INTO last_position, last_hash
    FROM audit_entry WHERE chain_id = NEW.chain_id ORDER BY position DESC LIMIT 1;
    NEW.position := coalesce(last_position, 0) + 1;
    NEW.erased := false;
    NEW.digest := audit_digest(NEW);
    NEW.hash := audit_hash(NEW, last_hash);
    INSERT INTO event (entry_id, at) VALUES (NEW.id, NEW.at);
    RETURN NEW;
END $$;
CREATE TRIGGER audit_entry_chain BEFORE INSERT ON audit_entry FOR EACH ROW EXECUTE FUNCTION audit_entry_chain();

-- Append-only: the one change allowed to what an entry says is that an erasure empties it.
CREATE FUNCTION audit_entry_keep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF (NEW.id, NEW.chain_id, NEW.position, NEW.at, NEW.actor, NEW.action, NEW.digest, NEW.hash)
            IS NOT DISTINCT FROM (OLD.id, OLD.chain_id, OLD.position, OLD.at, OLD.actor, OLD.action, OLD.digest, OLD.hash)
            AND NEW.erased
            AND num_nonnulls(NEW.actor_role, NEW.request_id, NEW.district_id, NEW.before, NEW.after, NEW.http_request_id) = 0
        THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'the audit trail is append-only' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER audit_entry_keep BEFORE UPDATE OR DELETE ON audit_entry FOR EACH ROW EXECUTE FUNCTION audit_entry_keep();
CREATE TRIGGER audit_entry_no_truncate BEFORE TRUNCATE ON audit_entry FOR EACH STATEMENT EXECUTE FUNCTION audit_entry_keep();

-- What GET …/timeline tells beyond the audit trail and the e-mails: notes for people.
CREATE TABLE timeline_entry (
    id uuid PRIMARY KEY,
    request_id uuid NOT NULL REFERENCES request (id) ON DELETE CASCADE,
    district_id uuid NOT NULL,
    at timestamptz NOT NULL,
    type timeline_entry_type NOT NULL,
    actor text NOT NULL,
    text text NOT NULL,
    data jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX timeline_entry_by_request ON timeline_entry (request_id, at, id);
CREATE INDEX timeline_entry_by_district ON timeline_entry (district_id);

-- The outbox. `source` is the whole message as it goes out (RFC 5322).
CREATE TABLE email (
    id uuid PRIMARY KEY,
    district_id uuid,
    request_ids uuid[] NOT NULL DEFAULT '{}',
    -- Districts that a mail about no one district (a digest) names, so that an erasure finds it.
    mentioned_district_ids uuid[] NOT NULL DEFAULT '{}',
    template text NOT NULL,
    recipient text NOT NULL,
    subject text NOT NULL,
    message_id text NOT NULL CONSTRAINT email_message_id_once UNIQUE,
    source bytea,
    status email_status NOT NULL,
    -- Attempts that count towards the 5 days: temporary refusals and lost connections.
    attempts integer NOT NULL DEFAULT 0,
    -- Of those, the first: the 5 days count from it.
    first_attempt_at timestamptz,
    next_attempt_at timestamptz,
    lease_until timestamptz,
    lease_owner uuid,
    created_at timestamptz NOT NULL,
    sent_at timestamptz,
    -- The HTTP request whose change wrote it, for the log; null for the service's own.
    http_request_id text,
    CONSTRAINT email_sent_at_with_status CHECK ((status = 'sent') = (sent_at IS NOT NULL)),
    CONSTRAINT email_next_attempt_when_queued CHECK ((status = 'queued') = (next_attempt_at IS NOT NULL)),
    CONSTRAINT email_lease_when_sending CHECK ((status = 'sending') = (lease_until IS NOT NULL))
);
-- lz4 packs and unpacks a message in a fraction of pglz's time; a PostgreSQL that was built without it stays with pglz.
DO $$ BEGIN
    ALTER TABLE email ALTER COLUMN source SET COMPRESSION lz4;
EXCEPTION WHEN feature_not_supported THEN NULL;
END $$;
CREATE INDEX email_due ON email (next_attempt_at, id) WHERE status = 'queued';
CREATE INDEX email_sending ON email (lease_until) WHERE status = 'sending';
CREATE INDEX email_failed ON email (id) WHERE status = 'failed';
CREATE INDEX email_by_created_at ON email (created_at DESC, id DESC);
CREATE INDEX email_by_request ON email USING gin (request_ids);
CREATE INDEX email_by_district ON email (district_id);
-- What retention looks for: bodies of e-mails that are done, oldest first.
CREATE INDEX email_kept_body ON email (created_at)
    WHERE source IS NOT NULL AND status NOT IN ('queued', 'sending');
CREATE INDEX email_by_mentioned_district ON email USING gin (mentioned_district_ids) WHERE district_id IS NULL;

CREATE TABLE email_attempt (
    id uuid PRIMARY KEY,
    email_id uuid NOT NULL REFERENCES email (id) ON DELETE CASCADE,
    at timestamptz NOT NULL,
    code integer,
    reply text NOT NULL
);
CREATE INDEX email_attempt_by_email ON email_attempt (email_id, at, id);

CREATE TABLE webhook_delivery (
    id uuid PRIMARY KEY,
    webhook_id text NOT NULL,
    status webhook_delivery_status NOT NULL,
    type text,
    detail text,
    -- The event's own `created`.
    created timestamptz,
    received_at timestamptz NOT NULL,
    processed_at timestamptz,
    request_id uuid,
    district_id uuid,
    -- What a parked delivery waits for: the district's Clever id, and the kind where it is about one.
    clever_district_id text,
    kind integration_kind,
    external_id text,
    replays integer NOT NULL DEFAULT 0,
    content_type text,
    content_encoding text,
    -- zlib-compressed bytes as they came; null after retention or erasure.
    body bytea,
    body_digest bytea NOT NULL
);
CREATE UNIQUE INDEX webhook_delivery_webhook_id_once ON webhook_delivery (webhook_id) WHERE status <> 'conflict';
CREATE INDEX webhook_delivery_by_received_at ON webhook_delivery (received_at DESC, id DESC);
CREATE INDEX webhook_delivery_by_status ON webhook_delivery (status, received_at DESC, id DESC);
CREATE INDEX webhook_delivery_by_type ON webhook_delivery (type, received_at DESC, id DESC) WHERE type IS NOT NULL;
-- For retention, which takes the oldest bodies that are left.
CREATE INDEX webhook_delivery_bodies ON webhook_delivery (received_at) WHERE body IS NOT NULL;
CREATE INDEX webhook_delivery_parked ON webhook_delivery (clever_district_id, created, id) WHERE status = 'parked';
CREATE INDEX webhook_delivery_parked_by_external_id ON webhook_delivery (external_id) WHERE status = 'parked';
CREATE INDEX webhook_delivery_by_district ON webhook_delivery (clever_district_id);
CREATE INDEX webhook_delivery_kept_body ON webhook_delivery (received_at) WHERE body IS NOT NULL AND status <> 'parked';
CREATE INDEX webhook_delivery_by_request ON webhook_delivery (request_id) WHERE request_id IS NOT NULL;

-- The newest `created` applied by callback to each thing that callbacks speak of, so that older ones are superseded.
-- subject: 'request:<external id>', 'sharing:<clever id>:<kind>' or 'district:<clever id>'.
CREATE TABLE callback_clock (
    subject text PRIMARY KEY,
    clever_district_id text,
    created timestamptz NOT NULL,
    deleted boolean NOT NULL DEFAULT false
);
CREATE INDEX callback_clock_by_district ON callback_clock (clever_district_id);

CREATE TABLE token (
    id uuid PRIMARY KEY,
    name text NOT NULL,
    role token_role NOT NULL,
    hash bytea NOT NULL CONSTRAINT token_hash_once UNIQUE,
    created_at timestamptz NOT NULL,
    expires_at timestamptz,
    revoked_at timestamptz,
    last_used_at timestamptz
);
CREATE INDEX token_by_created_at ON token (created_at DESC, id DESC);

CREATE TABLE idempotency_key (
    token_id uuid NOT NULL,
    key text NOT NULL,
    method text NOT NULL,
    path text NOT NULL,
    body_digest bytea NOT NULL,
    -- Null while a bulk call is under way, and after an erasure (then `erased`).
    status integer,
    headers jsonb,
    body bytea,
    erased boolean NOT NULL DEFAULT false,
    district_ids uuid[] NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL,
    PRIMARY KEY (token_id, key)
);
CREATE INDEX idempotency_key_by_created_at ON idempotency_key (created_at);
CREATE INDEX idempotency_key_by_district ON idempotency_key USING gin (district_ids);

-- A bulk call's results, each written in the transaction of its own request.
CREATE TABLE idempotency_result (
    token_id uuid NOT NULL,
    key text NOT NULL,
    item uuid NOT NULL,
    district_id uuid,
    result bytea,
    PRIMARY KEY (token_id, key, item),
    FOREIGN KEY (token_id, key) REFERENCES idempotency_key (token_id, key) ON DELETE CASCADE
);
CREATE INDEX idempotency_result_by_district ON idempotency_result (district_id);

-- Shared data: a snapshot belongs to a request; request_id's newest committed one is current, the others are swept. The
-- rows below it name it without a foreign key, since a million of them are written at once; whoever deletes a snapshot
-- deletes them first. Ids are compared byte by byte.
CREATE TABLE shared_snapshot (
    id uuid PRIMARY KEY,
    request_id uuid NOT NULL REFERENCES request (id) ON DELETE CASCADE,
    district_id uuid NOT NULL,
    current boolean NOT NULL,
    sections integer NOT NULL,
    teachers_direct integer NOT NULL,
    teachers_by_section integer NOT NULL,
    teachers integer NOT NULL,
    students integer NOT NULL,
    staff integer NOT NULL,
    -- Distinct students in sections of the district's licensed teachers.
    seats_used integer NOT NULL,
    warnings jsonb NOT NULL,
    -- The same for the same content; null when there was too much to tell.
    digest bytea,
    uploaded_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX shared_snapshot_current ON shared_snapshot (request_id) WHERE current;
CREATE INDEX shared_snapshot_by_request ON shared_snapshot (request_id);
CREATE INDEX shared_snapshot_by_district ON shared_snapshot (district_id);
CREATE INDEX shared_snapshot_swept ON shared_snapshot (id) WHERE NOT current;

CREATE TABLE shared_section (
    snapshot_id uuid NOT NULL,
    section_id text COLLATE "C" NOT NULL,
    school text,
    teachers text[] COLLATE "C" NOT NULL,
    students text[] COLLATE "C" NOT NULL,
    PRIMARY KEY (snapshot_id, section_id)
);
CREATE TABLE shared_teacher (
    snapshot_id uuid NOT NULL,
    teacher_id text COLLATE "C" NOT NULL,
    email text,
    direct boolean NOT NULL,
    by_section boolean NOT NULL,
    PRIMARY KEY (snapshot_id, teacher_id)
);
-- Each id once a snapshot: the upload sees to it. A unique index over a million ids in no order costs more time than
-- everything else about an upload together, and nobody looks a student up.
CREATE TABLE shared_student (
    snapshot_id uuid NOT NULL,
    student_id text COLLATE "C" NOT NULL
);
CREATE INDEX shared_student_by_snapshot ON shared_student (snapshot_id);

-- What a district's two current snapshots have in common, written by the upload that made the pair: snapshot_id is the
-- newer one, and what is written about a pair goes with it. A row whose other_snapshot_id is no longer current is stale.
CREATE TABLE sharing_comparison (
    snapshot_id uuid PRIMARY KEY REFERENCES shared_snapshot (id) ON DELETE CASCADE,
    other_snapshot_id uuid NOT NULL,
    teachers_both integer NOT NULL,
    sections_both integer NOT NULL,
    students_both integer NOT NULL,
    computed_at timestamptz NOT NULL
);
-- The teachers of such a pair, in the order in which they are listed.
CREATE TABLE sharing_teacher (
    snapshot_id uuid NOT NULL,
    presence sharing_teacher_presence NOT NULL,
    teacher_id text COLLATE "C" NOT NULL,
    email text,
    PRIMARY KEY (snapshot_id, presence, teacher_id)
);

-- Small facts of the service itself: the day a digest was last sent, and the like.
CREATE TABLE service_fact (
    name text PRIMARY KEY,
    value jsonb NOT NULL,
    updated_at timestamptz NOT NULL
);

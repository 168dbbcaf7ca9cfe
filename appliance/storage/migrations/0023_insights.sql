-- What administrators and auditors are told of how it goes: errors, questions that found nothing, slow and bad answers.
--
-- Conversations stay their people's own. What stands here counts over everybody's turns runs as the owner and gives out
-- numbers and codes; the only function that gives out words asks whether their person was told of that (see below).

-- ending: how an answer came about (written, quoted, refused). question_may_be_read: who asked was told, in the answer
-- that found nothing, that administrators may read such questions. trace_id: of OpenTelemetry, where traces are kept.
ALTER TABLE turns
    ADD COLUMN ending                text,
    ADD COLUMN question_may_be_read  boolean NOT NULL DEFAULT false,
    ADD COLUMN trace_id              text;
UPDATE turns t SET ending = e.data ->> 'kind' FROM turn_events e WHERE e.turn_id = t.id AND e.kind = 'done';
-- The span in which a file was uploaded, where traces are kept: the job that reads it is linked to it.
ALTER TABLE files ADD COLUMN traceparent text;
CREATE INDEX turns_unanswered ON turns (created_at) WHERE ending = 'refused';
CREATE INDEX turns_failed ON turns (created_at) WHERE status = 'failed';

-- The ledger: small indexes for what is rare.
CREATE INDEX requests_failed ON requests (started_at) WHERE status IN ('refused', 'failed', 'broken');
CREATE INDEX requests_unanswered ON requests (started_at) WHERE finish_reason = 'nothing_found';

-- As before, but who looks is found out once a statement and not once a row.
ALTER POLICY own_requests ON requests
    USING (user_id = (SELECT viewer_id()) OR (SELECT viewer_role()) IN ('admin', 'auditor'));

CREATE FUNCTION viewer_oversees() RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE
RETURN coalesce(viewer_role() IN ('admin', 'auditor'), false);

-- The made-up people that try every night to reach what is not theirs: what they ask is not how it goes. What they ask in
-- the page goes with them; the ledger keeps it.
CREATE FUNCTION canary_people() RETURNS uuid[] LANGUAGE sql STABLE PARALLEL SAFE
RETURN ARRAY(SELECT id FROM users WHERE email LIKE '%@canary.invalid');

-- Turns that failed before any engine was asked, so that no row of the ledger tells of them: codes and numbers.
CREATE FUNCTION failed_turns(since timestamptz, until timestamptz)
RETURNS TABLE (code text, model text, count bigint, people bigint, first_at timestamptz, last_at timestamptz, last_turn uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT coalesce(e.data ->> 'code', 'internal_error'), t.model, count(*), count(DISTINCT t.user_id),
           min(t.created_at), max(t.created_at), (array_agg(t.id ORDER BY t.created_at DESC))[1]
    FROM turns t LEFT JOIN turn_events e ON e.turn_id = t.id AND e.kind = 'error'
    WHERE t.status = 'failed' AND t.created_at >= since AND t.created_at < until AND viewer_oversees()
      AND NOT EXISTS (SELECT 1 FROM requests r WHERE r.request_id = 'turn-' || t.id::text
                      AND r.status IN ('refused', 'failed', 'broken'))
    GROUP BY 1, 2
$$;

-- Documents of everybody that could not be read, by reason: no names.
CREATE FUNCTION failed_readings(since timestamptz, until timestamptz)
RETURNS TABLE (code text, count bigint, people bigint, first_at timestamptz, last_at timestamptz, last_collection uuid,
               last_file uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT coalesce(cf.error_code, 'internal_error'), count(*), count(DISTINCT cf.owner_id), min(cf.finished_at),
           max(cf.finished_at), (array_agg(cf.collection_id ORDER BY cf.finished_at DESC))[1],
           (array_agg(cf.file_id ORDER BY cf.finished_at DESC))[1]
    FROM collection_files cf
    WHERE cf.status = 'failed' AND cf.superseded_by IS NULL AND viewer_oversees()
      AND cf.finished_at >= since AND cf.finished_at < until
    GROUP BY 1
$$;

-- Questions to which nothing was found: how many, of how many people, in how many different wordings, by where they
-- looked and language. collection_id: NULL where all that they may see was searched, the nil id for every collection
-- that is not among seen, so that nobody learns what private ones there are.
CREATE FUNCTION unanswered_counts(since timestamptz, until timestamptz, seen uuid[])
RETURNS TABLE (collection_id uuid, language text, count bigint, people bigint, wordings bigint, last_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT CASE WHEN place.id IS NULL OR place.id = ANY (seen) THEN place.id
                ELSE '00000000-0000-0000-0000-000000000000'::uuid END,
           coalesce(t.trace ->> 'language', t.language, ''), count(DISTINCT t.id), count(DISTINCT t.user_id),
           count(DISTINCT array_to_string(tsvector_to_array(words_of(left(t.question, 2000))), ' ')), max(t.created_at)
    FROM turns t JOIN conversations c ON c.id = t.conversation_id
         CROSS JOIN LATERAL unnest(CASE WHEN coalesce(cardinality(t.collection_ids), 0) = 0 THEN ARRAY[NULL::uuid]
                                        ELSE t.collection_ids END) place (id)
    WHERE t.ending = 'refused' AND t.created_at >= since AND t.created_at < until AND c.deleted_at IS NULL
      AND NOT c.is_temporary AND viewer_oversees()
    GROUP BY 1, 2
$$;

-- How many such questions there were, and how many of them may be read.
CREATE FUNCTION unanswered_total(since timestamptz, until timestamptz, shows_told boolean)
RETURNS TABLE (count bigint, people bigint, readable bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT count(*), count(DISTINCT t.user_id),
           count(*) FILTER (WHERE coalesce(f.shares_text, false) OR shows_told AND t.question_may_be_read)
    FROM turns t JOIN conversations c ON c.id = t.conversation_id LEFT JOIN turn_feedback f ON f.turn_id = t.id
    WHERE t.ending = 'refused' AND t.created_at >= since AND t.created_at < until AND c.deleted_at IS NULL
      AND NOT c.is_temporary AND viewer_oversees()
$$;

-- The words of those that may be read: who asked let administrators read them, with a rating, or was told so in the
-- answer and shows_told (the setting is still on). asker: a number, to count people. Never of temporary conversations.
-- Canaries are never among those who were told, so that whatever is read of them has leaked.
CREATE FUNCTION unanswered_questions(since timestamptz, until timestamptz, shows_told boolean, most integer)
RETURNS TABLE (question text, language text, asked_at timestamptz, asker bigint, is_shared boolean, collection_ids uuid[])
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT left(t.question, 2000), coalesce(t.trace ->> 'language', t.language, ''), t.created_at,
           dense_rank() OVER (ORDER BY t.user_id), coalesce(f.shares_text, false), t.collection_ids
    FROM turns t JOIN conversations c ON c.id = t.conversation_id LEFT JOIN turn_feedback f ON f.turn_id = t.id
    WHERE t.ending = 'refused' AND t.created_at >= since AND t.created_at < until AND c.deleted_at IS NULL
      AND NOT c.is_temporary AND viewer_role() = 'admin'
      AND (f.shares_text OR shows_told AND t.question_may_be_read AND t.user_id <> ALL ((SELECT canary_people())::uuid[]))
    ORDER BY t.created_at DESC LIMIT most
$$;

-- Ratings by reason and model, without a word.
CREATE FUNCTION rating_counts(since timestamptz, until timestamptz)
RETURNS TABLE (rating text, reason text, model text, count bigint, people bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT f.rating, f.reason, f.model, count(*), count(DISTINCT f.user_id)
    FROM turn_feedback f JOIN turns t ON t.id = f.turn_id JOIN conversations c ON c.id = t.conversation_id
    WHERE f.created_at >= since AND f.created_at < until AND c.deleted_at IS NULL AND viewer_oversees()
    GROUP BY 1, 2, 3
$$;

-- How long answers took --------------------------------------------------------------------------------------

-- Days of the ledger that are over (UTC), added up: how many requests of a model took so long. measure: first (until the
-- first word), total, queue. bucket: 20 times the natural logarithm of the milliseconds, so each is five per cent wide.
-- These tables hold nobody's things; they are written through the function below.
CREATE TABLE answer_days (day date PRIMARY KEY);
CREATE TABLE answer_times (
    day      date NOT NULL,
    model    text NOT NULL,
    measure  text NOT NULL CHECK (measure IN ('first', 'total', 'queue')),
    bucket   smallint NOT NULL,
    count    integer NOT NULL,
    PRIMARY KEY (day, model, measure, bucket)
);
-- The slowest of each day and model, so that nobody looks through a month for them.
CREATE TABLE slow_answers (
    day      date NOT NULL,
    request  uuid NOT NULL REFERENCES requests (id) ON DELETE CASCADE,
    PRIMARY KEY (day, request)
);
CREATE INDEX slow_answers_of_request ON slow_answers (request);
ALTER TABLE answer_days ENABLE ROW LEVEL SECURITY;
ALTER TABLE answer_days FORCE ROW LEVEL SECURITY;
ALTER TABLE answer_times ENABLE ROW LEVEL SECURITY;
ALTER TABLE answer_times FORCE ROW LEVEL SECURITY;
ALTER TABLE slow_answers ENABLE ROW LEVEL SECURITY;
ALTER TABLE slow_answers FORCE ROW LEVEL SECURITY;
CREATE POLICY overseen_answer_days ON answer_days USING ((SELECT viewer_oversees())) WITH CHECK ((SELECT viewer_oversees()));
CREATE POLICY overseen_answer_times ON answer_times USING ((SELECT viewer_oversees())) WITH CHECK ((SELECT viewer_oversees()));
CREATE POLICY overseen_slow_answers ON slow_answers USING ((SELECT viewer_oversees())) WITH CHECK ((SELECT viewer_oversees()));
GRANT SELECT ON answer_days, answer_times, slow_answers TO appliance_api;

CREATE FUNCTION time_bucket(ms real) RETURNS smallint LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN round(ln(greatest(ms, 1)::float8) * 20)::smallint;

-- Add up some of the days that are over and not added up yet, the newest first, as far back as two months are looked at;
-- returns how many. A day is over an hour after its end; the few answers that take longer still are not counted. Who
-- finds somebody at it does not wait. The worker does this once an hour.
CREATE FUNCTION add_up_answer_times(most integer) RETURNS integer LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
DECLARE
    last date := ((now() - interval '1 hour') AT TIME ZONE 'UTC')::date - 1;
    one date;
    canaries uuid[] := canary_people();
    since timestamptz;
    done integer := 0;
BEGIN
    IF NOT viewer_oversees() OR NOT pg_try_advisory_xact_lock(7305109) THEN
        RETURN 0;
    END IF;
    FOR one IN SELECT last - past FROM generate_series(0, 60) past
               WHERE NOT EXISTS (SELECT 1 FROM answer_days a WHERE a.day = last - past)
                 AND last - past >= (SELECT (min(started_at) AT TIME ZONE 'UTC')::date FROM requests)
               ORDER BY past LIMIT most LOOP
        since := one::timestamp AT TIME ZONE 'UTC';
        INSERT INTO answer_times (day, model, measure, bucket, count)
        SELECT one, r.model, m.measure, time_bucket(m.ms), count(*)
        FROM requests r CROSS JOIN LATERAL (VALUES
            ('first', CASE WHEN r.part_of IS NULL THEN r.ttft_ms END),
            ('total', CASE WHEN r.part_of IS NULL THEN r.total_ms END), ('queue', r.wait_ms)) m (measure, ms)
        WHERE r.started_at >= since AND r.started_at < since + interval '1 day' AND r.status = 'completed'
          AND m.ms IS NOT NULL AND r.user_id <> ALL (canaries)
        GROUP BY 2, 3, 4;
        INSERT INTO slow_answers (day, request)
        SELECT one, id FROM (
            SELECT r.id, row_number() OVER (PARTITION BY r.model ORDER BY r.total_ms DESC NULLS LAST) AS by_total,
                   row_number() OVER (PARTITION BY r.model ORDER BY r.ttft_ms DESC NULLS LAST) AS by_first
            FROM requests r
            WHERE r.started_at >= since AND r.started_at < since + interval '1 day' AND r.status = 'completed'
              AND r.part_of IS NULL AND r.user_id <> ALL (canaries)) ranked
        WHERE by_total <= 20 OR by_first <= 20;
        INSERT INTO answer_days VALUES (one);
        done := done + 1;
    END LOOP;
    DELETE FROM answer_times WHERE day < last - 100;
    DELETE FROM slow_answers WHERE day < last - 100;
    DELETE FROM answer_days WHERE day < last - 100;
    RETURN done;
END $$;

DO $$
DECLARE
    one text;
BEGIN
    FOREACH one IN ARRAY ARRAY['failed_turns(timestamptz, timestamptz)', 'failed_readings(timestamptz, timestamptz)',
        'unanswered_counts(timestamptz, timestamptz, uuid[])', 'unanswered_total(timestamptz, timestamptz, boolean)',
        'unanswered_questions(timestamptz, timestamptz, boolean, integer)', 'rating_counts(timestamptz, timestamptz)',
        'add_up_answer_times(integer)'] LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', one);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO appliance_api', one);
    END LOOP;
    GRANT EXECUTE ON FUNCTION add_up_answer_times(integer) TO appliance_worker;
END $$;

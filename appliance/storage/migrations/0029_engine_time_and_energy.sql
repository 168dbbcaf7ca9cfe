-- The share of engines' time and of GPUs' energy that a request took, and what that energy cost. NULL: nobody knows.

ALTER TABLE requests ADD COLUMN engine_seconds real, ADD COLUMN joules real, ADD COLUMN energy_cost double precision;
ALTER TABLE usage_hours ADD COLUMN engine_seconds double precision, ADD COLUMN joules double precision,
    ADD COLUMN energy_cost double precision;

-- As before, and with the shares.
CREATE OR REPLACE FUNCTION count_usage() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO usage_hours AS u (hour, user_id, model, asked, calls, failed, prompt_tokens, cached_tokens,
                                  completion_tokens, wait_ms, cost, audio_seconds, engine_seconds, joules, energy_cost)
    SELECT date_trunc('hour', started_at, 'UTC'), user_id, model,
           coalesce(sum(sign) FILTER (WHERE part_of IS NULL), 0),
           coalesce(sum(sign) FILTER (WHERE engine IS NOT NULL), 0),
           coalesce(sum(sign) FILTER (WHERE status IN ('refused', 'failed', 'broken')), 0),
           sum(sign * prompt_tokens::bigint), sum(sign * cached_tokens::bigint), sum(sign * completion_tokens::bigint),
           sum(sign * coalesce(wait_ms, 0)), sum(sign * cost), sum(sign * audio_seconds),
           sum(sign * engine_seconds::float8), sum(sign * joules::float8), sum(sign * energy_cost)
    FROM (SELECT 1 AS sign, * FROM now_rows UNION ALL SELECT -1, * FROM before_rows) change
    WHERE status <> 'started'
    GROUP BY 1, 2, 3 ORDER BY 2, 1, 3
    ON CONFLICT (user_id, hour, model) DO UPDATE SET
        asked = u.asked + excluded.asked, calls = u.calls + excluded.calls, failed = u.failed + excluded.failed,
        prompt_tokens = u.prompt_tokens + excluded.prompt_tokens, cached_tokens = u.cached_tokens + excluded.cached_tokens,
        completion_tokens = u.completion_tokens + excluded.completion_tokens, wait_ms = u.wait_ms + excluded.wait_ms,
        cost = coalesce(u.cost + excluded.cost, u.cost, excluded.cost),
        audio_seconds = coalesce(u.audio_seconds + excluded.audio_seconds, u.audio_seconds, excluded.audio_seconds),
        engine_seconds = coalesce(u.engine_seconds + excluded.engine_seconds, u.engine_seconds, excluded.engine_seconds),
        joules = coalesce(u.joules + excluded.joules, u.joules, excluded.joules),
        energy_cost = coalesce(u.energy_cost + excluded.energy_cost, u.energy_cost, excluded.energy_cost);
    RETURN NULL;
END $$;

-- By which way an answer came: the ladder's rung. NULL or empty: nobody was asked, or the row is older than this.
-- 'same', 'elsewhere', 'smaller', 'cloud', 'quoted'; no check, so that a rung more needs no migration.

-- answered_as: who that was, as people are told it, such as 'OpenAI (gpt-4o-mini)'.
ALTER TABLE turns ADD COLUMN rung text NOT NULL DEFAULT '', ADD COLUMN answered_as text NOT NULL DEFAULT '';
ALTER TABLE requests ADD COLUMN rung text;
-- Answers by another way than the first are few: they are counted one by one, all others are the rest.
CREATE INDEX requests_by_rung ON requests (started_at) INCLUDE (user_id, rung)
    WHERE rung IN ('elsewhere', 'smaller', 'cloud', 'quoted');

-- Where false, what is asked with the key is never answered by a smaller model than the one that was asked for.
ALTER TABLE api_keys ADD COLUMN allows_smaller boolean NOT NULL DEFAULT true;

-- What a turn's search did: names and places of passages, times, reasons; never their text. The row's own policy shows it
-- to the asker alone.
ALTER TABLE turns ADD COLUMN trace jsonb;

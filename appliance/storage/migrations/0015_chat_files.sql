-- Files that were dropped into a chat: a collection of its own, which belongs to the person and goes with the conversation.
--
-- It is seen by its owner alone, is not listed among the collections, and no search finds it that did not ask for it.
ALTER TABLE collections
    ADD COLUMN conversation_id uuid UNIQUE REFERENCES conversations (id) ON DELETE CASCADE,
    ADD CONSTRAINT chats_are_personal CHECK (conversation_id IS NULL OR owner_user_id IS NOT NULL);

"""What says more of a refusal: an English sentence that knows its code and the values in it.

A code is stable; the page writes its own sentence from code and values in the reader's language (ui/texts/refusals.py).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from appliance.domain.budget_refusals import BUDGETS
from appliance.domain.prompt_refusals import PROMPTS
from inference.errors import EngineUnavailable
from querying.refusals import QUERY_REFUSALS, Because
from querying.source_refusals import SOURCE_REFUSALS, SourceBecause
from rag.coded_text import CodedText

SENTENCES: Mapping[str, str] = {
    "title_empty": "`title` is empty.",
    "file_most": "Files may have {most} MiB.",
    "question_empty": "`question` is empty.",
    "lines_most": "More than {most} lines. Split the file.",
    "expiry_past": "`expires_at` lies in the past.",
    "email_wrong": "`email` is not an e-mail address.",
    "email_long": "`email` has more than {most} characters.",
    "instructions_long": "`instructions` has more than {most} characters.",
    "password_short": "At least {least} characters.",
    "password_long": "At most {most} characters.",
    "administrators_only": "Only an administrator can do that.",
    "overseers_only": "Only administrators and auditors can see that.",
    "weight_wrong": "`weight` must be a number from {least} to {most}: 1 is the usual share, 2 gets twice "
    "as much while both wait.",
    "chat_files_most": "A chat may have {most} files. Remove one, or make a collection of them.",
    "file_unnamed": "The file has no name. Send it with one, such as report.pdf.",
    "give_everybody": "Only administrators give a collection to everybody.",
    "collection_everybody": "Only administrators make collections for everybody.",
    "group_not_own": "You are not a member of such a group.",
    "files_most": "You have {most} files, which is the limit. Delete some first.",
    "content_missing": "The file's content is missing on the disk; restore it from a backup.",
    "file_not_own": "A file is added by the person who uploaded it.",
    "limit_wrong": "`most` must be a whole number from 1 to {most}. To shut somebody out, suspend the "
    "account or revoke the key.",
    "address_unknown": "There is nobody with the address {address}.",
    "answer_running": "The answer is still being written.",
    "answer_complete": "The answer is complete; ask for another version instead.",
    "dates_reversed": "`from` is after `to`.",
    "dates_far": "`from` and `to` are more than {most} days apart.",
    "group_circle": "That would put the group above itself: `parent_id` is the group or stands below it. "
    "Take another one, or null for none.",
    "group_deep": "Groups may stand at most {most} deep. Take a `parent_id` that is higher up.",
    "account_exists": "There is an account for {address} already.",
    "group_missing": "One of the groups does not exist.",
    "group_exists": "There is a group {name} already.",
    "member_missing": "One of the members does not exist.",
    "disk_free": "Less than {least} MiB are free (`knowledge.min_free_mib`).",
    "collection_read_only": "You may read this collection, but not change what is in it. Ask whose it is "
    "to share it.",
    "collection_not_own": "Only whose collection it is can rename or delete it.",
    "backup_no_folder": "No place for backups is set. Set `backup.folder` and `backup.passphrase_file` in "
    "appliance.toml, and start the appliance again.",
    "backup_running": "A backup is being made already.",
    "backup_not_running": "No backup is being made.",
    "job_not_failed": "There is no such job, or it has not failed.",
    "file_elsewhere": "The file is in a collection that you can no longer change. Ask a member of its "
    "group, or an administrator, to take it out first.",
    "file_not_yours": "Only the person who uploaded a file can delete it.",
    "nobody_such": "There is no such person or group.",
    "account_suspended_gift": "That account is suspended and cannot be given anything.",
    "chat_not_given": "Files of a chat stay in that chat. Put them into a collection to give them away.",
    "gift_to_oneself": "An administrator gives somebody's collection to another person, not to themselves "
    "or a group of theirs.",
    "gift_while_reading": "Documents in it are still being read. Give it away when they are done.",
    "gift_not_own": "Only whose collection it is, or an administrator, can give it to somebody else.",
    "share_not_own": "Only whose collection it is can share it.",
    "chat_not_shared": "Files of a chat stay in that chat. Put them into a collection to share them.",
    "prompt_too_long": "It has {prompt} tokens; {model} reads {context} in all, its answer included: {over} too "
    'many. Shorten it, or send `truncation: "auto"` to leave out the oldest messages.',
    "answer_too_long": "It has {prompt} tokens and `max_tokens` asks for {answer} more; {model} reads {context} in "
    "all: {over} too many. Ask for at most {most}, or shorten it.",
    "egress_stopped_by_settings": "egress.stopped is true in appliance.toml. Take it out there and start the "
    "appliance anew.",
    "model_name_taken": "{name} is being got from {source} already. Choose another `name`, or cancel that.",
    "model_not_pulled": "{name} is not being got.",
    "model_not_for_search": "{name} is no embedding model in the ONNX format, so nothing can be found with it.",
    "search_model_set": "The section [embedding] of appliance.toml names the model to search with. Take it out there "
    "first, and start the appliance again.",
    "input_too_long": "It has {tokens} tokens; {model} reads {most} of one text: {over} too many. Split it, or send "
    '`truncation: "auto"` to leave out its end.',
    "document_unread": "{model} does not read its last {over} tokens. Split it, or leave `truncation` away.",
    "share_missing": "It is not shared with them.",
    "source_exists": "There is a data source {name} already.",
    "source_name": "A data source needs a name of at most {most} characters.",
    "source_tables_most": "At most {most} tables of a data source can be chosen.",
    "source_table_unknown": "The role cannot read a table {table}. Grant it SELECT there, or look at the spelling.",
    "source_column_unknown": "The table {table} has no column {column}.",
    "source_samples_personal": "{column} holds data about people, so it has no sample values.",
    "expected_in": "Expected in {seconds} s.",
    **BUDGETS,
    **QUERY_REFUSALS,
    **SOURCE_REFUSALS,
    **PROMPTS,
}


def expectation(error: BaseException) -> Told | None:
    """When somebody will answer again, where an error knows it and no other detail says more."""
    retry_after_s = getattr(error, "retry_after_s", None)
    if not isinstance(error, EngineUnavailable) or retry_after_s is None:
        return None
    return Told("expected_in", seconds=math.ceil(retry_after_s))


def coded(detail: object) -> dict[str, Any] | None:
    """Code and values of a detail that the page can say in the reader's language; None for a plain one."""
    if isinstance(detail, (Told, Because, SourceBecause)):
        return {"code": detail.code, "values": detail.values}
    return None


class Told(CodedText):
    """The sentence of a code, for the `detail` of an error."""

    __slots__ = ()
    SENTENCES = SENTENCES
    MOST_VALUE = 200

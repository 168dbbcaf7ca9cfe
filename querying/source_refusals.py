"""Why a database cannot be asked: an English sentence for each code, which tells the remedy too.

The page writes its own sentence from code and values in the reader's language (ui/texts/source_refusals.py). Neither
the database's address nor who signs in there stands in one that people who ask may read.
"""

from __future__ import annotations

from collections.abc import Mapping

from rag.coded_text import CodedText

SOURCE_REFUSALS: Mapping[str, str] = {
    "db_name_unknown": "Nobody knows its name. Check the host.",
    "db_unreached": "Nothing answers there. Check host, port and the firewall.",
    "db_no_socket": "There is no socket of a server in that folder.",
    "db_slow": "It did not answer in time. Check host, port and the firewall.",
    "db_sign_in": "It refused the user or the password.",
    "db_clear_password": "It asked for the password in clear letters, which only a server with tls = verify-full may.",
    "db_not_permitted": "It takes no connections from this box for this user (pg_hba.conf).",
    "db_certificate": "Its certificate could not be verified. Check ca_file and the host's name.",
    "db_tls": "It does not speak TLS as asked for. Check tls.",
    "db_sent_away": "It sends us to another server. Name that one as host.",
    "db_not_there": "It has no such database, or this user may not use it.",
    "db_full": "It takes no more connections now.",
    "db_starting": "It is starting. Ask again in a moment.",
    "db_broken": "The connection to it broke. Ask again.",
    "db_closed": "It was changed or removed meanwhile. Ask again.",
    "db_locked": "Another program writes to the file. Ask again.",
    "db_file": "The file cannot be read.",
    "db_public": "{host} is an address of the internet, so what is sent there leaves the network. Name it in "
    "egress.inside if it is yours.",
    "db_password_file_missing": "The password file {path} cannot be read.",
    "db_password_file_open": "The password file {path} is open to other users of the machine: chmod 600 {path}",
    "db_ca_missing": "There is no file of trusted certificates. Give one as ca_file.",
    "db_ca_unreadable": "The ca_file {path} holds no certificates that can be read.",
    "db_kind": "{kind} is none of {kinds}.",
    "db_setting": "{setting}: {problem}",
    "run_stopped": "It was stopped after {seconds} s.",
    "run_no_rows": "It brings no rows.",
    "run_large_value": "A value has more than {most} MiB. Leave that column out.",
    "run_word": "It has the word {word}, which does not stand in what only reads.",
    "run_unreadable": "It is not one statement that begins with SELECT.",
}


class SourceBecause(CodedText):
    """The sentence of a code, for the `detail` of an error."""

    __slots__ = ()
    SENTENCES = SOURCE_REFUSALS
    MOST_VALUE = 300

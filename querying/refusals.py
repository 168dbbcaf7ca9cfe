"""Why a query may not run: an English sentence for each code, which tells the remedy too.

A code is stable; the page writes its own sentence from code and values in the reader's language
(ui/texts/data_refusals.py).
"""

from __future__ import annotations

from collections.abc import Mapping

from rag.coded_text import CodedText

QUERY_REFUSALS: Mapping[str, str] = {
    "query_empty": "There is no SQL. Write one SELECT.",
    "query_long": "It has {count} characters; {most} are allowed. Ask for less at once.",
    "query_large": "It has {count} parts; {most} are allowed. Ask for less at once.",
    "query_deep": "It is nested more than {most} deep. Write it with fewer levels.",
    "query_joins": "It reads {count} tables; {most} are allowed. Ask for less at once.",
    "query_unreadable": "It cannot be read as {dialect} near “{near}”. Correct it there.",
    "character_refused": "The character {character} may not stand in a query. Remove it.",
    "statements_many": "It has {count} statements. Send one SELECT.",
    "statement_refused": "{statement} may not run; only SELECT may.",
    "construct_refused": "{construct} is not among what a query may use. Write it without.",
    "function_refused": "The function {name} is not among those that may be used. Write it without.",
    "padding_wide": "{name} may fill up to {most} characters, written as a number. Write fewer.",
    "argument_computed": "Argument {place} of {name} must be written out, not computed.",
    "replacement_long": "What {name} puts in must not be longer than what it replaces.",
    "unit_wrong": "The first argument of {name} is a unit such as month.",
    "type_refused": "Nothing may be cast to {name}. Cast to a number, a text or a date.",
    "string_refused": "The string {near} is written in a form that may not be used. Write it between single quotes.",
    "variable_refused": "Variables such as {name} may not be used. Write the value.",
    "table_unknown": "There is no table {name} here. There are: {offered}.",
    "column_unknown": "There is no column {name} in {tables}. There are: {offered}.",
    "column_unclear": "{name} stands in more than one table. Write it with its table: {choices}.",
    "row_refused": "{name} is a table, not a column. Name its columns.",
    "name_twice": "The name {name} is given twice. Choose another one.",
    "name_refused": "The name “{name}” may not be given. Take one without quotes or brackets, of at most {most} bytes.",
    "name_missing": "A subquery in FROM, or what it computes, needs a name. Give it one with AS.",
    "natural_join": "NATURAL JOIN may not be used. Write ON or USING with the columns.",
    "recursion_refused": "WITH RECURSIVE may not be used. Write it without.",
    "text_grows": "It would make very long texts of short ones. Write it without.",
    "parameter_missing": "There is no value for :{name}. Give one.",
    "parameter_wrong": "The value for :{name} cannot be written into a query. Give another one.",
    "rewriting_differs": "It cannot be written anew without a change near “{near}”. Write it in a simpler way.",
}


class Because(CodedText):
    """The sentence of a code, for the `detail` of a refusal."""

    __slots__ = ()
    SENTENCES = QUERY_REFUSALS
    MOST_VALUE = 200

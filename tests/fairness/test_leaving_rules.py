"""What may leave: the pure rules, under any file, any narrowing and any request."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.domain.origins import OWN_WORDS, of_collection, of_conversation, together
from appliance.fairness.leaving.port import Reason, StayCode
from appliance.fairness.leaving.rules import SENTENCES, Asked, Marks, Narrowing, Permission, stay
from appliance.fairness.leaving.settings import LeavingSettings, When
from ui.texts.leaving import LEAVING

patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
IDS = [UUID(int=number) for number in range(1, 5)]
NAMES = ["llama", "alias", "gpt-4o-mini"]
ids, names = st.frozensets(st.sampled_from(IDS)), st.frozensets(st.sampled_from(NAMES))
whens: st.SearchStrategy[When] = st.sampled_from(get_args(When))
reasons: st.SearchStrategy[Reason] = st.sampled_from(get_args(Reason))
seconds = st.floats(0, 100)
labels = st.frozensets(
    st.sampled_from([*map(of_collection, IDS), of_conversation(IDS[0]), "file:what", "collection:none"])
)
permissions = st.builds(
    Permission, whens, seconds, redacts=st.booleans(), by_name=st.booleans(), chat_files=st.booleans()
)
narrowings = st.builds(
    Narrowing,
    st.none() | whens,
    st.none() | seconds,
    st.booleans(),
    ids,
    names,
    st.none() | ids,
    st.none() | names,
)
requests = st.builds(
    Asked,
    st.sampled_from(IDS),
    ids,
    names.map(lambda some: some | {"llama"}),
    reasons,
    seconds,
    names,
    st.none() | labels,
    st.sampled_from(["chat/completions", "chat/completions", "completions", "embeddings", "rerank"]),
    st.booleans(),
)
marks = st.builds(Marks, ids, ids)

FREE = Permission("queue", 30.0, by_name=True)
MAY_ASK = Asked(IDS[0], frozenset(), frozenset({"llama"}), "local_down", origins=OWN_WORDS)


def test_the_default_of_the_file_lets_nothing_out() -> None:
    """Whoever writes nothing into [leaving] has a box that nothing leaves."""
    assert LeavingSettings().when == "never"
    kept = stay(Permission.of(LeavingSettings()), Narrowing(), MAY_ASK, Marks())
    assert kept is not None and kept.code == "never"


@patient
@given(permissions, requests, marks)
def test_never_means_never(permission: Permission, asked: Asked, marked: Marks) -> None:
    """Whatever else is set."""
    assert stay(replace(permission, when="never"), Narrowing(), asked, marked) is not None


@patient
@given(permissions, narrowings, requests, marks)
def test_any_narrowing_can_only_turn_a_leave_into_a_stay(
    permission: Permission, narrowing: Narrowing, asked: Asked, marked: Marks
) -> None:
    """The operator's file alone permits; what stays by it stays under every narrowing."""
    if stay(permission, Narrowing(), asked, marked) is not None:
        assert stay(permission, narrowing, asked, marked) is not None
    left = narrowing.of(permission)
    assert left.queue_s >= permission.queue_s
    assert permission.redacts or not left.redacts
    assert permission.by_name or not left.by_name
    assert permission.chat_files or not left.chat_files


@patient
@given(permissions, narrowings, requests, marks, narrowings)
def test_more_narrowing_lets_no_more_out(
    permission: Permission, narrowing: Narrowing, asked: Asked, marked: Marks, more: Narrowing
) -> None:
    """Each field by itself: a longer list of those who stay, a shorter one of those who may."""
    if stay(permission, narrowing, asked, marked) is None:
        return
    people, models = narrowing.only_people, narrowing.only_models
    tighter = replace(
        narrowing,
        stays=narrowing.stays | more.stays,
        staying_models=narrowing.staying_models | more.staying_models,
        only_people=more.only_people if people is None else people & (more.only_people or frozenset()),
        only_models=more.only_models if models is None else models & (more.only_models or frozenset()),
        vetoes=narrowing.vetoes or more.vetoes,
    )
    assert stay(permission, tighter, asked, marked) is not None


@patient
@given(permissions, narrowings, requests, marks)
def test_unknown_origins_stay(
    permission: Permission, narrowing: Narrowing, asked: Asked, marked: Marks
) -> None:
    """Nobody said what it was made from; or somebody said what nobody here understands."""
    for origins in (None, frozenset({"file:1"}), frozenset({"collection:1"}), frozenset({""})):
        assert stay(permission, narrowing, replace(asked, origins=origins), marked) is not None


@patient
@given(permissions, narrowings, requests, marks, labels)
def test_more_origins_let_no_more_out(
    permission: Permission, narrowing: Narrowing, asked: Asked, marked: Marks, more: frozenset[str]
) -> None:
    """A request that stays does not leave because it was made from more."""
    if stay(permission, narrowing, asked, marked) is not None:
        grown = replace(asked, origins=together(asked.origins, more))
        assert stay(permission, narrowing, grown, marked) is not None


@patient
@given(permissions, narrowings, requests, marks)
def test_whoever_asks_it_to_stay_keeps_it_here(
    permission: Permission, narrowing: Narrowing, asked: Asked, marked: Marks
) -> None:
    """A header or a key only tightens."""
    assert stay(permission, narrowing, replace(asked, stays_local=True), marked) is not None
    if stay(permission, narrowing, asked, marked) is None:
        assert not asked.stays_local


@patient
@given(permissions, narrowings, requests, marks)
def test_what_leaves_was_made_from_marked_collections_only(
    permission: Permission, narrowing: Narrowing, asked: Asked, marked: Marks
) -> None:
    """Of all that ever leaves, each collection is marked, or is a chat's and those may."""
    if stay(permission, narrowing, asked, marked) is None:
        assert asked.origins is not None
        for one in IDS:
            if of_collection(one) in asked.origins:
                assert one in marked.may_leave or (permission.chat_files and one in marked.of_chats)


GROUP, OTHER = UUID(int=100), UUID(int=101)
DOCUMENTS = UUID(int=200)
CASES: dict[str, tuple[Permission, Narrowing, Asked, Marks, str | None]] = {
    "one's own words, nothing answers": (FREE, Narrowing(), MAY_ASK, Marks(), None),
    "a marked collection": (
        FREE,
        Narrowing(),
        replace(MAY_ASK, origins=frozenset({of_collection(DOCUMENTS), of_conversation(GROUP)})),
        Marks(frozenset({DOCUMENTS})),
        None,
    ),
    "a collection that nobody marked": (
        FREE,
        Narrowing(),
        replace(MAY_ASK, origins=frozenset({of_collection(DOCUMENTS)})),
        Marks(),
        "collection_stays",
    ),
    "files of a chat": (
        FREE,
        Narrowing(),
        replace(MAY_ASK, origins=frozenset({of_collection(DOCUMENTS)})),
        Marks(frozenset({DOCUMENTS}), frozenset({DOCUMENTS})),
        "chat_files_stay",
    ),
    "files of a chat, which may": (
        replace(FREE, chat_files=True),
        Narrowing(),
        replace(MAY_ASK, origins=frozenset({of_collection(DOCUMENTS)})),
        Marks(of_chats=frozenset({DOCUMENTS})),
        None,
    ),
    "29 s in the queue": (
        FREE,
        Narrowing(),
        replace(MAY_ASK, reason="queue", waited_s=29.0),
        Marks(),
        "queue_is_short",
    ),
    "30 s in the queue": (FREE, Narrowing(), replace(MAY_ASK, reason="queue", waited_s=30.0), Marks(), None),
    "no number in the queue": (
        FREE,
        Narrowing(),
        replace(MAY_ASK, reason="queue", waited_s=float("nan")),
        Marks(),
        "queue_is_short",
    ),
    "a queue, where only failures count": (
        replace(FREE, when="local_down"),
        Narrowing(),
        replace(MAY_ASK, reason="queue", waited_s=99.0),
        Marks(),
        "reason_not_permitted",
    ),
    "a cloud's model by its name": (
        replace(FREE, by_name=False),
        Narrowing(),
        replace(MAY_ASK, reason="asked_for"),
        Marks(),
        "reason_not_permitted",
    ),
    "vectors": (FREE, Narrowing(), replace(MAY_ASK, route="embeddings"), Marks(), "not_a_chat"),
    "the header": (FREE, Narrowing(), replace(MAY_ASK, stays_local=True), Marks(), "asked_to_stay"),
    "a person who stays": (FREE, Narrowing(stays=frozenset({IDS[0]})), MAY_ASK, Marks(), "user_stays"),
    "a group that stays": (
        FREE,
        Narrowing(stays=frozenset({GROUP})),
        replace(MAY_ASK, group_ids=frozenset({GROUP, OTHER})),
        Marks(),
        "group_stays",
    ),
    "not among the chosen": (
        FREE,
        Narrowing(only_people=frozenset({GROUP})),
        replace(MAY_ASK, group_ids=frozenset({OTHER})),
        Marks(),
        "not_among_people",
    ),
    "nobody is chosen": (FREE, Narrowing(only_people=frozenset()), MAY_ASK, Marks(), "not_among_people"),
    "the model stays": (
        FREE,
        Narrowing(staying_models=frozenset({"llama"})),
        MAY_ASK,
        Marks(),
        "model_stays",
    ),
    "what would answer stays": (
        FREE,
        Narrowing(staying_models=frozenset({"gpt-4o-mini"})),
        replace(MAY_ASK, elsewhere=frozenset({"gpt-4o-mini"})),
        Marks(),
        "model_stays",
    ),
    "what would answer is chosen, the model is not": (
        FREE,
        Narrowing(only_models=frozenset({"gpt-4o-mini"})),
        replace(MAY_ASK, elsewhere=frozenset({"gpt-4o-mini"})),
        Marks(),
        "not_among_models",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_each_rule_keeps_what_it_is_for(name: str) -> None:
    """And says which one it was."""
    *given_, code = CASES[name]
    kept = stay(*given_)  # type: ignore[arg-type]
    assert (kept and kept.code) == code
    assert kept is None or kept.why == SENTENCES[kept.code]


def test_every_reason_has_a_sentence_for_both_the_record_and_the_page() -> None:
    """The codes, their English sentences and the page's texts are the same set."""
    codes = set(get_args(StayCode))
    assert set(SENTENCES) == codes
    assert {key.removeprefix("stay.") for key in LEAVING if key.startswith("stay.")} == codes | {"leaves"}

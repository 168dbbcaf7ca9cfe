"""Which groups somebody shares in, and which limits count for a request."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.domain.people import Caller
from appliance.fairness.admission import AppliedLimit, Share
from appliance.fairness.limits.policy import EVERYONE, GroupShare, Limit, Policy, SubjectKind

ANA, KEY = UUID(int=0xA), UUID(int=0xB)
COMPANY, SALES, LAB, CREW = (UUID(int=n) for n in range(1, 5))


def caller(*groups: UUID, key: UUID | None = None) -> Caller:
    """Ana, in these groups."""
    return Caller(ANA, "ana@example.com", group_ids=frozenset(groups), key_id=key)


def limit(subject_kind: SubjectKind, subject: object, most: int = 10, number: int = 1) -> Limit:
    """Tokens per minute."""
    return Limit(UUID(int=number), subject_kind, str(subject), "tokens_per_minute", most)


def test_without_weighted_groups_a_person_stands_alone() -> None:
    """Groups that only share documents do not change whose turn it is."""
    policy = Policy(groups={SALES: GroupShare(), LAB: GroupShare(parent_id=SALES)})

    assert policy.shares_of(caller(SALES, LAB)) == (Share(str(ANA), 1.0),)


def test_shares_go_from_the_outermost_group_to_the_person() -> None:
    """A weighted group's chain of weighted parents stands outside it."""
    policy = Policy(
        {ANA: 3.0},
        {COMPANY: GroupShare(1.0), LAB: GroupShare(None, COMPANY), CREW: GroupShare(2.0, LAB)},
    )

    assert policy.shares_of(caller(CREW)) == (
        Share(f"group:{COMPANY}", 1.0),
        Share(f"group:{CREW}", 2.0),
        Share(str(ANA), 3.0),
    )


def test_a_group_without_weight_is_looked_through() -> None:
    """Whoever is in a team of a weighted department shares in the department."""
    policy = Policy(groups={SALES: GroupShare(4.0), CREW: GroupShare(None, SALES)})

    assert policy.shares_of(caller(CREW))[0] == Share(f"group:{SALES}", 4.0)


def test_of_several_groups_the_heaviest_counts_and_of_equals_the_lowest_id() -> None:
    """The same groups always give the same share, in whatever order a set yields them."""
    policy = Policy(groups={SALES: GroupShare(2.0), LAB: GroupShare(2.0), CREW: GroupShare(1.0)})

    assert policy.shares_of(caller(CREW, LAB, SALES))[0] == Share(f"group:{SALES}", 2.0)


def test_a_cycle_is_cut_where_it_closes() -> None:
    """Should the database hold a circle of groups, each of them counts once and nothing hangs."""
    policy = Policy(
        groups={SALES: GroupShare(1.0, LAB), LAB: GroupShare(2.0, SALES), CREW: GroupShare(5.0, LAB)}
    )

    shares = policy.shares_of(caller(CREW))

    assert [share.id for share in shares] == [
        f"group:{SALES}",
        f"group:{LAB}",
        f"group:{CREW}",
        str(ANA),
    ]
    assert policy.groups_in_cycles() == [SALES, LAB]


@given(
    parents=st.dictionaries(st.integers(1, 6), st.one_of(st.none(), st.integers(1, 8)), max_size=6),
    weights=st.dictionaries(st.integers(1, 6), st.floats(0.001, 1000), max_size=6),
    member_of=st.sets(st.integers(1, 8)),
)
def test_any_tree_ends_at_the_person_without_repeating_a_group(
    parents: dict[int, int | None], weights: dict[int, float], member_of: set[int]
) -> None:
    """Whatever the groups look like, circles and missing parents included."""
    groups = {
        UUID(int=n): GroupShare(weights.get(n), None if parent is None else UUID(int=parent))
        for n, parent in parents.items()
    }

    shares = Policy(groups=groups).shares_of(caller(*(UUID(int=n) for n in member_of)))

    ids = [share.id for share in shares]
    assert ids[-1] == str(ANA)
    assert len(set(ids)) == len(ids)
    assert all(share.weight > 0 for share in shares)


def test_limits_of_all_subjects_count_together() -> None:
    """The person's, the groups' and what is above them, the key's and the model's."""
    policy = Policy(
        groups={SALES: GroupShare(), CREW: GroupShare(None, SALES)},
        limits=[
            limit("user", ANA, 1),
            limit("group", SALES, 2),
            limit("group", CREW, 3),
            limit("key", KEY, 4),
            limit("model", "llama", 5),
            limit("group", LAB, 6),
            limit("model", "other", 7),
        ],
    )

    applied = policy.limits_for(caller(CREW, key=KEY), "gpt-4o", "llama")

    assert [(one.scope, one.most) for one in applied] == [
        (f"user:{ANA}", 1),
        (f"group:{SALES}", 2),
        (f"group:{CREW}", 3),
        (f"key:{KEY}", 4),
        ("model:llama", 5),
    ]


@pytest.mark.parametrize(("own", "most"), [([], 10), ([50], 50), ([5], 5)])
def test_a_limit_on_everyone_is_each_persons_unless_there_is_an_own_one(own: list[int], most: int) -> None:
    """An own limit takes the place of everyone's, whether it is higher or lower."""
    policy = Policy(limits=[limit("everyone", EVERYONE, 10), *(limit("user", ANA, n) for n in own)])

    assert policy.limits_for(caller(), "llama") == (AppliedLimit(f"user:{ANA}", "tokens_per_minute", most),)


def test_a_model_known_by_one_name_is_limited_once() -> None:
    """Where alias and own name are the same, its limit is not taken from twice."""
    policy = Policy(limits=[limit("model", "llama")])

    assert len(policy.limits_for(caller(), "llama", "llama")) == 1


@pytest.mark.parametrize(("weight", "counts"), [(5e-324, 0.001), (1e-9, 0.001), (1e308, 1000.0), (2.5, 2.5)])
def test_weights_that_came_past_the_doors_are_bounded(weight: float, counts: float) -> None:
    """The database takes any number above 0; a cost divided by the smallest would be infinite."""
    policy = Policy(user_weights={ANA: weight}, groups={LAB: GroupShare(weight)})

    assert [share.weight for share in policy.shares_of(caller(LAB))] == [counts, counts]

"""People, sign-ins, links, keys and imports, as use cases on the real database."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from redis.asyncio import Redis

from appliance.domain.people import Caller, Role, Scopes
from appliance.errors import (
    ApplianceError,
    Conflict,
    InvalidRequest,
    LastAdministrator,
    LinkNotValid,
    NotAuthenticated,
    NotFound,
    NotPermitted,
    PartUnavailable,
    PasswordRefused,
    SignInFailed,
    TooManyAttempts,
)
from appliance.services.accounts import Device, mint_first_administrator, tokens
from appliance.services.accounts.importing import import_users
from appliance.services.accounts.keys import is_within
from appliance.services.accounts.names import checked_email, email_key
from appliance.services.accounts.passwords import Passwords, generate_password
from appliance.storage.database import Database
from tests.accounts_world import PASSWORD, Worker, add_person, first_administrator, key_of, worker

HERE = Device("198.51.100.7", "Firefox")
NEW_PASSWORD = "another battery staple"


@pytest.fixture
async def one(database: Database, valkey: Redis) -> AsyncIterator[Worker]:
    """A gateway process."""
    async with worker(database, valkey) as running:
        yield running


async def boss_of(one: Worker) -> Caller:
    """An administrator, signed in."""
    first = await first_administrator(one.accounts)
    signed_in = await one.accounts.sign_in.sign_in(first.email, first.password, HERE)
    return await one.accounts.authentication.by_session(signed_in.token)


async def signed_in_as(one: Worker, email: str = "ana@box.example") -> Caller:
    """Somebody whose password is PASSWORD."""
    signed_in = await one.accounts.sign_in.sign_in(email, PASSWORD, HERE)
    return await one.accounts.authentication.by_session(signed_in.token)


# The first administrator ------------------------------------------------------------------------------


async def test_the_first_administrator_is_made_once(one: Worker) -> None:
    """A second start makes nobody, and the password and key that were written down work."""
    first = await first_administrator(one.accounts)

    assert not await one.accounts.create_first_administrator(mint_first_administrator("other@box.example"))
    caller = await one.accounts.authentication.by_key(first.api_key)
    assert (caller.email, caller.role) == ("admin@box.example", Role.ADMIN)
    assert (await one.accounts.sign_in.sign_in(first.email, first.password, HERE)).user.id == caller.user_id


async def test_a_first_start_that_broke_off_is_finished(one: Worker) -> None:
    """Killed between the person and the key, the next start makes the key that stands in the file."""
    first = mint_first_administrator("admin@box.example")
    await one.accounts.people.add(None, first.email, role=Role.ADMIN, password=first.password)

    assert await one.accounts.create_first_administrator(first)
    assert (await one.accounts.authentication.by_key(first.api_key)).is_admin


async def test_a_revoked_first_key_stays_revoked(one: Worker) -> None:
    """Starting again does not bring a key back that somebody took away."""
    first = await first_administrator(one.accounts)
    caller = await one.accounts.authentication.by_key(first.api_key)
    assert caller.key_id is not None
    await one.accounts.keys.revoke(caller, caller.key_id)

    assert not await one.accounts.create_first_administrator(first)
    with pytest.raises(NotAuthenticated):
        await one.accounts.authentication.by_key(first.api_key)


# Signing in -------------------------------------------------------------------------------------------


async def test_every_sign_in_gets_a_new_token_and_the_old_one_dies(one: Worker) -> None:
    """A token that somebody planted in the browser before is worth nothing after signing in."""
    await add_person(one.accounts)
    first = await one.accounts.sign_in.sign_in("ana@box.example", PASSWORD, HERE)

    second = await one.accounts.sign_in.sign_in("ana@box.example", PASSWORD, HERE, first.token)

    assert first.token != second.token
    with pytest.raises(NotAuthenticated):
        await one.accounts.authentication.by_session(first.token)
    planted = tokens.mint_token()
    third = await one.accounts.sign_in.sign_in("ana@box.example", PASSWORD, HERE, planted)
    assert third.token != planted
    with pytest.raises(NotAuthenticated):
        await one.accounts.authentication.by_session(planted)


async def test_only_hashes_are_kept(one: Worker, database: Database) -> None:
    """Who reads the database can sign in as nobody: no token, key, link or password stands in any column."""
    user = await add_person(one.accounts)
    signed_in = await one.accounts.sign_in.sign_in("ana@box.example", PASSWORD, HERE)
    key = await key_of(one.accounts, user)
    link = await one.accounts.links.make(None, "password_reset", user.id)

    async with database.connection() as connection:
        kept = ""
        for table in ("users", "sessions", "api_keys", "one_time_links", "account_events"):
            rows = await connection.execute(f"SELECT to_jsonb(t)::text FROM {table} t")  # type: ignore[arg-type]
            kept += "".join(row[0] for row in await rows.fetchall())

    for secret in (signed_in.token, key, link.token, PASSWORD):
        assert secret not in kept
        assert tokens.fingerprint(secret).hex() in kept or secret == PASSWORD
    assert "$argon2id$" in kept


async def test_a_session_ends_after_disuse_and_in_the_end(one: Worker) -> None:
    """Fourteen days without use, ninety in all."""
    await add_person(one.accounts)
    signed_in = await one.accounts.sign_in.sign_in("ana@box.example", PASSWORD, HERE)
    one.clock.pass_time(days=14)

    with pytest.raises(NotAuthenticated, match="expired"):
        await one.accounts.authentication.by_session(signed_in.token)


async def test_failed_sign_ins_have_to_wait(one: Worker) -> None:
    """After five failures the right password has to wait as well, and the refusal says how long."""
    await add_person(one.accounts)
    for _ in range(5):
        with pytest.raises(SignInFailed):
            await one.accounts.sign_in.sign_in("ana@box.example", "wrong password", HERE)

    with pytest.raises(TooManyAttempts) as refusal:
        await one.accounts.sign_in.sign_in("ANA@box.example", PASSWORD, Device("192.0.2.9"))
    assert 0 < refusal.value.retry_after_s <= 60


async def test_a_burst_of_guesses_does_not_slip_through_together(one: Worker) -> None:
    """Attempts count before the password is looked at: of fifty at once, six are looked at."""
    await add_person(one.accounts)

    answers = await asyncio.gather(
        *(one.accounts.sign_in.sign_in("ana@box.example", f"guess number {n}", HERE) for n in range(50)),
        return_exceptions=True,
    )

    assert sum(isinstance(answer, SignInFailed) for answer in answers) == 5
    assert sum(isinstance(answer, TooManyAttempts) for answer in answers) == 45


async def test_one_address_that_tries_many_accounts_has_to_wait(one: Worker) -> None:
    """Guessing one password for everybody is slowed down by where it comes from."""
    answers = [
        await caught(one.accounts.sign_in.sign_in(f"person{n}@box.example", "Summer2026!!", HERE))
        for n in range(25)
    ]

    assert [type(answer) for answer in answers[:20]] == [SignInFailed] * 20
    assert isinstance(answers[-1], TooManyAttempts)


async def test_an_ipv6_host_has_one_address(one: Worker) -> None:
    """Choosing another of one's own 2^64 addresses for every guess gains nothing."""
    answers = [
        await caught(
            one.accounts.sign_in.sign_in(f"p{n}@box.example", "Summer2026!!", Device(f"2001:db8::{n:x}"))
        )
        for n in range(1, 23)
    ]

    assert isinstance(answers[-1], TooManyAttempts)


async def test_a_burst_of_sign_ins_stands_in_line() -> None:
    """Two hashes at a time, thirty-two in line, the next is told to come back; the line empties again."""
    passwords = Passwords(memory_kib=4 * 1024, passes=1)

    answers = await asyncio.gather(*(passwords.hash(PASSWORD) for _ in range(50)), return_exceptions=True)
    leaving = [asyncio.create_task(passwords.hash(PASSWORD)) for _ in range(30)]
    await asyncio.sleep(0)
    for task in leaving:
        task.cancel()
    await asyncio.gather(*leaving, return_exceptions=True)

    assert sum(isinstance(answer, TooManyAttempts) for answer in answers) == 18
    assert await passwords.verify(await passwords.hash(PASSWORD), PASSWORD)
    assert passwords._in_line == 0


async def test_signing_in_forgives_earlier_mistakes(one: Worker) -> None:
    """Four typing errors, then the right password: the next mistake is the first again."""
    await add_person(one.accounts)
    for _ in range(3):
        for _ in range(4):
            with pytest.raises(SignInFailed):
                await one.accounts.sign_in.sign_in("ana@box.example", "wrong password", HERE)
        await one.accounts.sign_in.sign_in("ana@box.example", PASSWORD, HERE)


async def test_without_valkey_nobody_signs_in(one: Worker, valkey: Redis) -> None:
    """Guesses that cannot be counted are not allowed; who is signed in stays so."""
    await add_person(one.accounts)
    caller = await signed_in_as(one)
    broken = Redis.from_url("unix:///nonexistent/valkey.sock")
    one.accounts.sign_in._slow_down._script.registered_client = broken

    with pytest.raises(PartUnavailable):
        await one.accounts.sign_in.sign_in("ana@box.example", PASSWORD, HERE)
    assert caller.session_id is not None


async def test_an_unknown_address_takes_as_long_as_a_known_one() -> None:
    """The same argon2id work is done for both, so the time tells nobody who has an account."""
    passwords = Passwords(memory_kib=8 * 1024, passes=2)
    known = await passwords.hash(PASSWORD)
    await passwords.verify(None, "warm up")

    async def median_ms(password_hash: str | None) -> float:
        times = []
        for _ in range(15):
            begun = time.process_time()
            assert not await passwords.verify(password_hash, "not the password")
            times.append(time.process_time() - begun)
        return statistics.median(times) * 1000

    ratio = await median_ms(None) / await median_ms(known)
    assert 0.5 < ratio < 2


async def test_wrong_password_unknown_address_and_no_password_look_the_same(one: Worker) -> None:
    """Nothing in the refusal tells whether there is such an account."""
    await add_person(one.accounts)
    await one.accounts.people.add(None, "invited@box.example")
    device = HERE

    refusals = {
        str(await caught(one.accounts.sign_in.sign_in(email, "not the password", device)))
        for email in (
            "ana@box.example",
            "nobody@box.example",
            "invited@box.example",
            "' OR 1=1 --",
            "a\0b",
            "\ud800@x",
        )
    }

    assert len(refusals) == 1


async def test_a_suspended_person_learns_it_only_with_the_right_password(one: Worker) -> None:
    """Suspension is told to its owner, not to somebody who guesses."""
    await first_administrator(one.accounts)
    user = await add_person(one.accounts)
    await one.accounts.people.change(None, user.id, is_suspended=True)

    wrong = await caught(one.accounts.sign_in.sign_in("ana@box.example", "not the password", HERE))
    right = await caught(one.accounts.sign_in.sign_in("ana@box.example", PASSWORD, HERE))

    assert isinstance(wrong, SignInFailed)
    assert "suspended" in str(right)


async def test_a_weaker_hash_is_renewed_at_sign_in(one: Worker, database: Database) -> None:
    """When the cost of a hash was raised, the next right password is hashed anew."""
    user = await add_person(one.accounts)
    old = await Passwords(memory_kib=64, passes=1).hash(PASSWORD)
    async with database.connection() as connection:
        await connection.execute("UPDATE users SET password_hash = %s WHERE id = %s", (old, user.id))

    await one.accounts.sign_in.sign_in("ana@box.example", PASSWORD, HERE)
    async with database.connection() as connection:
        row = await (await connection.execute("SELECT password_hash FROM users")).fetchone()

    assert row is not None
    assert "m=256," in row[0]


# Passwords and links ----------------------------------------------------------------------------------


async def test_weak_passwords_are_refused(one: Worker) -> None:
    """Too short, too long, the address itself, or one letter: no; no rules about kinds of characters."""
    for password in ("short", "ana@box.example", "ANA@BOX.EXAMPLE", "aaaaaaaaaaaaaaaa", "x" * 1025):
        with pytest.raises(PasswordRefused):
            await one.accounts.people.add(None, "ana@box.example", password=password)


async def test_a_password_may_have_any_characters(one: Worker) -> None:
    """Composed or not is one password; half a surrogate pair and NUL do no harm."""
    user = await add_person(one.accounts)
    await one.accounts.people.set_password(None, user, "contraseña\ud83d\0\u202e")

    decomposed = "contrasen\u0303a\ud83d\0\u202e"
    assert await one.accounts.sign_in.sign_in("ana@box.example", decomposed, HERE)


async def test_a_new_password_ends_every_sign_in(one: Worker) -> None:
    """Whoever else was signed in with the old password is out; whoever keeps the first login is told."""
    user = await add_person(one.accounts)
    here, elsewhere = await signed_in_as(one), await signed_in_as(one)

    await one.accounts.people.change_password(here, PASSWORD, NEW_PASSWORD)

    with pytest.raises(NotAuthenticated):
        await one.accounts.authentication.by_key(one.accounts.authentication.delegate(elsewhere))
    assert (await caught(signed_in_as(one))).__class__ is SignInFailed
    assert [changed.id for changed in one.changed] == [user.id]


async def test_a_password_is_not_changed_without_the_old_one(one: Worker) -> None:
    """Nor with a key, and guessing it here is slowed down like signing in."""
    user = await add_person(one.accounts)
    caller = await signed_in_as(one)
    by_key = await one.accounts.authentication.by_key(await key_of(one.accounts, user))

    with pytest.raises(NotPermitted):
        await one.accounts.people.change_password(by_key, PASSWORD, NEW_PASSWORD)
    answers = [
        await caught(one.accounts.people.change_password(caller, "not the password", NEW_PASSWORD))
        for _ in range(6)
    ]

    assert [type(answer) for answer in answers] == [SignInFailed] * 5 + [TooManyAttempts]


async def test_a_link_works_once_even_for_two_at_once(one: Worker) -> None:
    """Of twenty simultaneous uses one sets its password, and the others learn that the link is used."""
    user = await one.accounts.people.add(None, "new@box.example")
    link = await one.accounts.links.make(None, "invitation", user.id)

    answers = await asyncio.gather(
        *(one.accounts.links.use("invitation", link.token, f"my password no {n}") for n in range(20)),
        return_exceptions=True,
    )

    (winner,) = [n for n, answer in enumerate(answers) if not isinstance(answer, BaseException)]
    assert sum(isinstance(answer, LinkNotValid) for answer in answers) == 19
    await one.accounts.sign_in.sign_in("new@box.example", f"my password no {winner}", HERE)


async def test_links_expire_and_replace_each_other(one: Worker) -> None:
    """An invitation lasts a week, a reset a day; a new link makes the old one useless, as does a new password."""
    user = await add_person(one.accounts)
    old = await one.accounts.links.make(None, "password_reset", user.id)
    new = await one.accounts.links.make(None, "password_reset", user.id)
    assert (await caught(one.accounts.links.look("password_reset", old.token))).__class__ is LinkNotValid
    assert (await caught(one.accounts.links.look("invitation", new.token))).__class__ is LinkNotValid
    assert (await one.accounts.links.look("password_reset", new.token)).email == "ana@box.example"

    one.clock.pass_time(hours=24)

    assert (
        await caught(one.accounts.links.use("password_reset", new.token, NEW_PASSWORD))
    ).__class__ is LinkNotValid


async def test_what_is_no_link_is_refused(one: Worker) -> None:
    """Garbage is a link that is not valid, nothing else."""
    for token in ("", "x", "\0" * 43, "'; DROP TABLE users --", "é" * 43, "A" * 43):
        with pytest.raises(LinkNotValid):
            await one.accounts.links.use("invitation", token, NEW_PASSWORD)


# People -----------------------------------------------------------------------------------------------

SAME_PERSON = [
    ("Ana@Box.Example", "ana@box.example"),
    ("ａna@box.example", "ana@box.example"),  # full-width a
    ("ﬁrst@box.example", "first@box.example"),  # ligature
    ("STRASSE@box.example", "straße@box.example"),
    ("jose\u0301@box.example", "josé@box.example"),
    ("İ@box.example", "i̇@box.example"),
    (" ana@box.example ", "ana@box.example"),
]


async def test_an_address_is_one_person_in_every_spelling(one: Worker) -> None:
    """Case, composition and compatibility forms cannot make a second account that looks like the first."""
    for one_way, other_way in SAME_PERSON:
        if await one.accounts.people.by_email(one_way) is None:
            await one.accounts.people.add(None, one_way)

        assert email_key(one_way) == email_key(other_way)
        assert await one.accounts.people.by_email(other_way) is not None
        with pytest.raises(Conflict):
            await one.accounts.people.add(None, other_way)


@pytest.mark.parametrize(
    "email",
    [
        "", "ana", "@box.example", "ana@", "a na@box.example", "ana@box\0.example", "ana\u200b@box.example", "a@b@",
        "ana＠box@evil.example", "\ud800@box.example", "<ana@box.example>", "ana@box.example\r\nx: y",
        "a" * 250 + "@b.example",
    ],
)  # fmt: skip
async def test_what_is_no_address_is_refused(email: str) -> None:
    """Also what cannot be seen, and what would become another address when it is normalised."""
    with pytest.raises(InvalidRequest):
        checked_email(email)


async def test_sql_in_every_field_is_only_text(one: Worker) -> None:
    """Metacharacters come back as they went in."""
    boss = await boss_of(one)
    nasty = "Robert'); DROP TABLE users; -- %s %(x)s {} \\ $1"
    user = await one.accounts.people.add(boss, "bobby'tables@box.example", name=nasty)
    group = await one.accounts.people.add_group(boss, nasty)
    made = await one.accounts.keys.make(boss, boss.user_id, name=nasty, scopes=Scopes(frozenset({nasty})))

    assert (await one.accounts.people.user(boss, user.id)).name == nasty
    assert group.name == nasty
    assert (await one.accounts.authentication.by_key(made.secret)).scopes.models == {nasty}
    assert list(await one.accounts.people.users(boss, after="' OR '1'='1")) != []


async def test_who_may_see_and_change_whom(one: Worker) -> None:
    """People see themselves, auditors read everybody, administrators change everybody."""
    boss = await boss_of(one)
    ana = await add_person(one.accounts)
    await add_person(one.accounts, "eva@box.example", Role.AUDITOR)
    user, auditor = await signed_in_as(one), await signed_in_as(one, "eva@box.example")
    people = one.accounts.people

    assert (await people.user(user, ana.id)).email == "ana@box.example"
    assert isinstance(await caught(people.user(user, boss.user_id)), NotFound)
    assert isinstance(await caught(people.users(user)), NotPermitted)
    assert isinstance(await caught(people.events(user, None, 10)), NotPermitted)
    assert len(await people.users(auditor)) == 3
    assert (await people.change(user, ana.id, name="Ana María", language="es")).language == "es"
    for caller in (user, auditor):
        for attempt in (
            people.add(caller, "x@box.example"),
            people.change(caller, caller.user_id, role=Role.ADMIN),
            people.change(caller, boss.user_id, name="x"),
            people.change(caller, caller.user_id, is_suspended=True),
            people.add_group(caller, "x"),
            one.accounts.links.make(caller, "password_reset", boss.user_id),
            import_users(caller, "email\nx@box.example", people, one.accounts.links),
        ):
            assert isinstance(await caught(attempt), NotPermitted)


async def test_the_last_administrator_stays(one: Worker) -> None:
    """Nobody can lock everybody out: not by role, not by suspension."""
    boss = await boss_of(one)

    for change in ({"role": Role.USER}, {"role": Role.AUDITOR}, {"is_suspended": True}):
        with pytest.raises(LastAdministrator):
            await one.accounts.people.change(boss, boss.user_id, **change)  # type: ignore[arg-type]
    second = await add_person(one.accounts, role=Role.ADMIN)
    await one.accounts.people.change(boss, second.id, is_suspended=True)
    with pytest.raises(LastAdministrator):
        await one.accounts.people.change(boss, boss.user_id, role=Role.USER)


async def test_two_administrators_cannot_remove_each_other(one: Worker) -> None:
    """At the same moment, one of the two changes loses."""
    boss = await boss_of(one)
    second = await add_person(one.accounts, role=Role.ADMIN)
    other = await signed_in_as(one)

    for _ in range(5):
        answers = await asyncio.gather(
            one.accounts.people.change(boss, second.id, role=Role.USER),
            one.accounts.people.change(other, boss.user_id, role=Role.USER),
            return_exceptions=True,
        )
        assert sum(isinstance(answer, LastAdministrator) for answer in answers) == 1
        for user_id in (boss.user_id, second.id):
            await one.accounts.people.change(None, user_id, role=Role.ADMIN)


async def test_everything_done_to_accounts_is_written_down(one: Worker, database: Database) -> None:
    """Who did what to whom, and nobody below the owner can change the record afterwards."""
    boss = await boss_of(one)
    user = await one.accounts.people.add(boss, "ana@box.example", password=PASSWORD)
    await caught(one.accounts.sign_in.sign_in("ana@box.example", "not the password", HERE))
    await one.accounts.people.change(boss, user.id, role=Role.AUDITOR)
    made = await one.accounts.keys.make(boss, boss.user_id)
    await one.accounts.keys.revoke(boss, made.key.id)

    events = await one.accounts.people.events(boss, None, 100)
    mine = [(event.action, event.actor_id) for event in events]

    assert mine[:5] == [
        ("key.revoked", boss.user_id),
        ("key.made", boss.user_id),
        ("user.changed", boss.user_id),
        ("sign_in.failed", None),
        ("user.added", boss.user_id),
    ]
    assert events[3].address == HERE.address
    for statement in ("UPDATE account_events SET action = ''", "DELETE FROM account_events"):
        with pytest.raises(Exception, match="permission denied"):
            async with database.connection() as connection:
                await connection.execute(statement)  # type: ignore[arg-type]


async def test_the_worker_sees_roles_and_groups_but_no_secrets(
    one: Worker, worker_database: Database
) -> None:
    """Reading documents needs neither password hashes nor sessions nor keys."""
    await add_person(one.accounts)
    async with worker_database.connection() as connection:
        rows = await connection.execute("SELECT email, role FROM users")
        assert await rows.fetchall() == [("ana@box.example", "user")]
    for table in ("sessions", "api_keys", "one_time_links", "account_events"):
        with pytest.raises(Exception, match="permission denied"):
            async with worker_database.connection() as connection:
                await connection.execute(f"SELECT * FROM {table}")  # type: ignore[arg-type]


# Keys -------------------------------------------------------------------------------------------------


async def test_a_key_belongs_to_who_made_it(one: Worker) -> None:
    """Nobody lists, makes or revokes another's key; administrators may."""
    boss = await boss_of(one)
    await add_person(one.accounts)
    ana = await signed_in_as(one)
    keys = one.accounts.keys
    of_boss = await keys.make(boss, boss.user_id)

    assert isinstance(await caught(keys.make(ana, boss.user_id)), NotPermitted)
    assert isinstance(await caught(keys.revoke(ana, of_boss.key.id)), NotFound)
    assert isinstance(await caught(keys.keys(ana, everybody=True)), NotPermitted)
    of_ana = await keys.make(boss, ana.user_id)
    assert [key.id for key in await keys.keys(ana)] == [of_ana.key.id]
    assert (await keys.keys(ana))[0].prefix == of_ana.secret[:10]
    assert (await keys.revoke(boss, of_ana.key.id)).revoked_at is not None


async def test_a_key_makes_no_stronger_key(one: Worker) -> None:
    """A limited key that leaks cannot be traded for an unlimited one, nor administer."""
    boss = await boss_of(one)
    limited = Scopes(frozenset({"llama"}), ("/v1/chat", "/api"))
    made = await one.accounts.keys.make(boss, boss.user_id, scopes=limited)
    caller = await one.accounts.authentication.by_key(made.secret)

    for wider in (
        Scopes(),
        Scopes(models=frozenset({"llama"})),
        Scopes(frozenset({"llama", "x"}), ("/v1/chat",)),
    ):
        assert isinstance(
            await caught(one.accounts.keys.make(caller, caller.user_id, scopes=wider)), NotPermitted
        )
    narrower = Scopes(frozenset({"llama"}), ("/v1/chat/completions",))
    await one.accounts.keys.make(caller, caller.user_id, scopes=narrower)
    assert isinstance(await caught(one.accounts.people.add(caller, "x@box.example")), NotPermitted)


def test_narrower_scopes_are_recognised() -> None:
    """Prefixes are compared as the door compares them."""
    own = Scopes(routes=("/v1/chat",))

    assert is_within(Scopes(routes=("/v1/chat/completions",)), own)
    assert not is_within(Scopes(routes=("/v1/chatter",)), own)
    assert not is_within(Scopes(routes=("/v1",)), own)
    assert is_within(Scopes(frozenset({"a"}), ("/v1/chat",)), own)


def test_keys_and_passwords_are_long_enough() -> None:
    """256 bits for machines, over 110 for people, and no two alike."""
    keys = {tokens.mint_key() for _ in range(1000)}

    assert len(keys) == 1000
    assert all(tokens.looks_like_key(key) for key in keys)
    assert len({generate_password() for _ in range(1000)}) == 1000
    assert 62**43 > 2**256


# Import -----------------------------------------------------------------------------------------------


async def test_a_csv_file_becomes_people_groups_and_invitations(one: Worker) -> None:
    """Good lines are invited, bad ones are told by number, and the same file again adds nobody."""
    boss = await boss_of(one)
    text = (
        "\ufeffemail;name;role;groups\r\n"
        "ana@box.example;Ana;user;Legal|Sales|SALES\r\n"
        "not an address;X;user;\r\n"
        "eva@box.example;Eva;king;\r\n"
        "\r\n"
        'luis@box.example;"Pérez; Luis";AUDITOR;legal\r\n'
        "ANA@box.example;Again;user;\r\n"
    )

    lines = await import_users(boss, text, one.accounts.people, one.accounts.links)
    again = await import_users(boss, text, one.accounts.people, one.accounts.links)

    assert [(line.line, line.link is not None) for line in lines] == [
        (2, True),
        (3, False),
        (4, False),
        (6, True),
        (7, False),
    ]
    assert "king" in lines[2].error
    assert all(line.link is None for line in again)
    groups = {group.name: len(group.member_ids) for group in await one.accounts.people.groups(boss)}
    assert groups == {"Legal": 2, "Sales": 1}
    assert lines[0].link is not None
    await one.accounts.links.use("invitation", lines[0].link.token, NEW_PASSWORD)
    await one.accounts.sign_in.sign_in("ana@box.example", NEW_PASSWORD, HERE)


async def test_a_file_that_is_no_list_of_people_is_refused(one: Worker) -> None:
    """The message says what the first line must be, or where it breaks off."""
    for text in ("", "name,role\nx,y", "email,email\na,b", "email,shoe size\na,b", 'email\n"unclosed'):
        with pytest.raises(InvalidRequest):
            await import_users(None, text, one.accounts.people, one.accounts.links)


async def caught(attempt: object) -> object:
    """The refusal, or what was returned."""
    try:
        return await attempt  # type: ignore[misc]
    except ApplianceError as error:
        return error


async def test_expiry_in_the_past_is_refused(one: Worker) -> None:
    """A key that never worked is a mistake, not a wish."""
    user = await add_person(one.accounts)

    with pytest.raises(InvalidRequest, match="past"):
        await one.accounts.keys.make(None, user.id, expires_at=one.clock.now - timedelta(seconds=1))

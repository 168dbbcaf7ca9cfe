"""The detector of personal data: what it finds, what it leaves alone, and that no text makes it work for long."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.personal_data import checks
from inference.personal_data.folding import folded
from inference.personal_data.patterns import RULES, PatternDetector
from inference.personal_data.rules import Judged, Named, Rule
from scripts.eval_personal_data import Score, read, score
from scripts.personal_data.generated import samples

DETECTOR = PatternDetector()


def told(text: str) -> list[tuple[str, str]]:
    """(kind, what was written) of every finding."""
    return [(one.kind, text[one.start : one.end]) for one in DETECTOR.find(text)]


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("DNI 12.345.678-Z.", "spanish_id", "12.345.678-Z"),
        ("el 12345678\u200bZ firma", "spanish_id", "12345678\u200bZ"),
        ("su DNI es 12345678", "spanish_id", "12345678"),
        ("NIE X-1234567-L", "spanish_id", "X-1234567-L"),
        ("CIF B12345674", "company_id", "B12345674"),
        ("a ES91 2100 0418\n4502 0005 1332 hoy", "iban", "ES91 2100 0418\n4502 0005 1332"),
        ("iban es9121000418450200051332", "iban", "es9121000418450200051332"),
        ("4111\u00a01111\u00a01111\u00a01111 12/27", "card", "4111\u00a01111\u00a01111\u00a01111"),
        ("４１１１１１１１１１１１１１１１", "card", "４１１１１１１１１１１１１１１１"),
        ("NSS 28/12345678/40", "social_security", "28/12345678/40"),
        ("ll\u00e1mame al 6 1 2 3 4 5 6 7 8", "phone", "6 1 2 3 4 5 6 7 8"),
        ("mi tele\u0301fono es 912345678", "phone", "912345678"),
        ("+34 (91) 234 56 78", "phone", "+34 (91) 234 56 78"),
        ("+44 20 7946 0958 2 veces", "phone", "+44 20 7946 0958"),
        ("pedro [at] empresa [dot] es", "email", "pedro [at] empresa [dot] es"),
        ("pasaporte AAB123456", "passport", "AAB123456"),
        ("matrícula 1234 BCD", "number_plate", "1234 BCD"),
        ("desde 85.123.45.67", "ip_address", "85.123.45.67"),
        ("clave: Verano-2026!", "secret", "clave: Verano-2026!"),
    ],
    ids=lambda value: None,
)
def test_a_value_is_found_however_it_is_written(text: str, kind: str, value: str) -> None:
    """Spaces, dots, dashes, line breaks, other digits and invisible characters hide nothing."""
    assert told(text) == [(kind, value)]


def test_a_private_key_is_found_to_its_end_and_one_that_is_cut_off_as_far_as_it_goes() -> None:
    """What stands after it stays; nothing of the key does."""
    key = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nIBAAKCAQEA7v\n-----END RSA PRIVATE KEY-----"

    whole, cut = told(f"toma:\n{key}\ngracias"), told("-----BEGIN PRIVATE KEY-----\nMIIEowIBAAKCAQEA7vQx7Zk")

    assert whole == [("secret", key)]
    assert cut == [("secret", "-----BEGIN PRIVATE KEY-----\nMIIEowIBAAKCAQEA7vQx7Zk")]


def test_a_word_before_it_makes_a_number_surer() -> None:
    """In either language; and in a list the second number is what the first was."""
    (alone,), (spanish,), (english,) = (
        DETECTOR.find(text) for text in ("612 345 678", "móvil: 612 345 678", "call 612 345 678")
    )

    assert alone.score < min(spanish.score, english.score)
    assert [kind for kind, _ in told("Tel.: 912345678, 934567890 y 985123456")] == ["phone"] * 3
    assert told("912345678") == []


def test_of_two_readings_the_surer_one_is_told() -> None:
    """A card is no mistyped account, and what follows it is no part of it."""
    assert told("Del IBAN o la tarjeta 4111 1111 1111 1111 12/27") == [("card", "4111 1111 1111 1111")]


@pytest.mark.parametrize(
    "text",
    [
        "El presupuesto es de 612.345.678 €.",
        "Los pedidos 12345678 y 12345679 van juntos.",
        "uuid 550e8400-e29b-41d4-a716-446655440000",
        "versión 1.2.3.4; art. 15.2.3.1",
        "Llámame el 12/03/2026.",
        "El 900 123 456 es gratuito.",
        "La contraseña debe tener 12 caracteres.",
        "3.14159265358979323846 y 2026 SQL",
        "logo@2x.png git@github.com:empresa/repo.git",
        "127.0.0.1 ::1 255.255.255.0 std::vector",
        "",
    ],
    ids=lambda text: text[:12],
)
def test_what_only_looks_like_it_stays(text: str) -> None:
    """Amounts, orders, versions and dates are no personal data: a false alarm keeps an answer from somebody."""
    assert told(text) == []


def test_people_s_names_are_out_of_reach() -> None:
    """Patterns know no names and no streets: the documents say so, and this holds the sentence true."""
    assert told("Me llamo Laura Gómez y vivo en la calle Mayor 3.") == []


# the committed sets ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "recall", "precision"), [("development", 0.99, 0.99), ("held_out", 0.94, 0.97)]
)
def test_the_hand_written_sets_are_found_as_the_documents_say(
    name: str, recall: float, precision: float
) -> None:
    """The figures in docs/failover.md cannot get worse unnoticed."""
    measured = score(read(name), DETECTOR.find)

    assert measured.recall >= recall, measured.misses
    assert measured.precision >= precision, measured.misses


def test_generated_values_are_all_found_where_a_word_names_them() -> None:
    """Check digits made by another hand, in every way of writing; and decoys raise no alarm."""
    made = list(samples(12, seed=20))

    named: Score = score((one for one in made if one.is_named), DETECTOR.find)
    decoys = score((one for one in made if not one.marks), DETECTOR.find)

    assert named.recall == 1.0, named.misses
    assert decoys.wrong.total() == 0, decoys.misses


@given(st.text(alphabet="0123456789ABCDEFXYZ -.\n\u200b@６", max_size=80))
@settings(max_examples=200, deadline=None)
def test_findings_are_in_order_and_never_overlap(text: str) -> None:
    """And each of them is a piece of the text: whoever replaces them loses nothing else."""
    findings = DETECTOR.find(text)

    ends = [0, *(one.end for one in findings)]
    assert all(end <= one.start < one.end <= len(text) for end, one in zip(ends, findings, strict=False))


@given(st.text(max_size=60))
@settings(max_examples=200, deadline=None)
def test_folding_keeps_account_of_every_character(text: str) -> None:
    """A position in the folded text leads to the character it came from."""
    plain = folded(text)

    for at, sign in enumerate(plain.text):
        start, end = plain.span(at, at + 1)
        assert end == start + 1
        assert folded(text[start]).text == sign


@given(st.integers(0, 99_999_999))
@settings(deadline=None)
def test_one_wrong_digit_of_an_identity_number_is_noticed(number: int) -> None:
    """The letter is made for that."""
    letter = next(one for one in "TRWAGMYFPDXBNJZSQVHLCKE" if checks.dni(f"{number:08d}", one))

    assert not checks.dni(f"{(number + 1) % 100_000_000:08d}", letter)


# bounded work ------------------------------------------------------------------------------------------

HOSTILE = {
    "digits": "7",
    "single digits": "4 ",
    "rows of cards": "4111 ",
    "rows of phones": "612 345 678 ",
    "dashes": "12-",
    "lines": "1\n",
    "half e-mails": "a@",
    "hosts": "@a.b.c",
    "hidden signs": "a (at) ",
    "addresses": "1.",
    "colons": "a:",
    "ibans": "ES12 ",
    "keys that never end": "-----BEGIN PRIVATE KEY-----",
    "tokens": "eyJaaaaaaaaaaaa.",
    "passwords": "password: ",
    "pluses": "+1",
    "letters": "A",
    "words": "teléfono ",
    "invisible": "6\u200b",
}


class Counting:
    """A detector whose rules count how often they are asked to judge."""

    def __init__(self) -> None:
        self.judged = 0
        self.detector = PatternDetector(rules=[replace(rule, judge=self._counted(rule)) for rule in RULES])

    def _counted(self, rule: Rule) -> Any:
        def judge(match: re.Match[str], named: Named) -> Judged:
            self.judged += 1
            return rule.judge(match, named)

        return judge


@pytest.mark.parametrize("piece", HOSTILE.values(), ids=HOSTILE.keys())
def test_work_grows_with_the_text_and_with_nothing_else(piece: str) -> None:
    """Four times the text, four times the candidates; and never more than a few for each character."""
    short, long = Counting(), Counting()

    short.detector.find(piece * (10_000 // len(piece)))
    long.detector.find(piece * (40_000 // len(piece)))

    assert long.judged <= 5 * short.judged + 50
    assert long.judged <= 2 * 40_000


def test_a_million_digits_are_looked_through_without_a_single_candidate() -> None:
    """No number has a million digits: nothing is tried but where digits begin."""
    counting = Counting()

    assert counting.detector.find("7" * 1_000_000) == []
    assert counting.judged <= 50


@pytest.mark.parametrize("number", range(len(RULES)), ids=[f"{rule.judge.__name__}" for rule in RULES])
def test_no_pattern_can_run_away(number: int) -> None:
    """Every repetition is bounded or gives nothing back, and none that gives back holds another that does."""
    parsed = re._parser.parse(RULES[number].pattern.pattern, RULES[number].pattern.flags)  # type: ignore[attr-defined]

    assert list(_runaways(parsed, 1)) == []


def _runaways(parsed: Any, outer: int) -> Any:
    """Repetitions that may backtrack without a bound, or in more ways than a few thousand."""
    for operation, argument in parsed:
        name = str(operation)
        if name in ("MAX_REPEAT", "MIN_REPEAT"):
            low, high, inner = argument
            ways = outer * (int(high) - int(low) + 1)
            if int(high) > 20_000 or ways > 5_000:
                yield f"{name} {low} to {high} inside of {outer}"
            yield from _runaways(inner, ways)
        elif name == "POSSESSIVE_REPEAT":
            yield from _runaways(argument[2], 1)
        elif name == "ATOMIC_GROUP":
            yield from _runaways(argument, 1)
        elif name == "SUBPATTERN":
            yield from _runaways(argument[3], outer)
        elif name == "BRANCH":
            for branch in argument[1]:
                yield from _runaways(branch, outer)
        elif name in ("ASSERT", "ASSERT_NOT"):
            yield from _runaways(argument[1], 1)

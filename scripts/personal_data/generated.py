"""Texts with personal data that nobody has, by a seed: values with right check digits, in the ways people write them.

Check digits are made here by the published rules again, and not by the detector's own functions: one mistake should not
hide another.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

Value = Callable[[random.Random], str]


@dataclass(frozen=True, slots=True)
class Sample:
    """marks: (kind, start, end) of what should be found in text."""

    text: str
    marks: tuple[tuple[str, int, int], ...]
    is_named: bool = False


def _digits(chance: random.Random, count: int) -> str:
    return "".join(chance.choice("0123456789") for _ in range(count))


def _cut(digits: str, sizes: tuple[int, ...], by: str) -> str:
    parts, at = [], 0
    for size in sizes:
        parts.append(digits[at : at + size])
        at += size
    return by.join(parts)


def dni(chance: random.Random) -> str:
    """12345678Z, 12.345.678-Z, 12345678-z …"""
    digits = _digits(chance, 8)
    letter = "TRWAGMYFPDXBNJZSQVHLCKE"[int(digits) % 23]
    written = chance.choice([digits, _cut(digits, (2, 3, 3), "."), _cut(digits, (2, 3, 3), " ")])
    return written + chance.choice(["", "-", " "]) + letter


def nie(chance: random.Random) -> str:
    """X1234567L, with and without dashes."""
    first, digits = chance.choice("XYZ"), _digits(chance, 7)
    letter = "TRWAGMYFPDXBNJZSQVHLCKE"[int(str("XYZ".index(first)) + digits) % 23]
    by = chance.choice(["", "-", " "])
    return f"{first}{by}{digits}{by}{letter}"


def _remainder_97(text: str) -> int:
    rest = 0
    for sign in text:
        for digit in str(int(sign, 36)):
            rest = (rest * 10 + int(digit)) % 97
    return rest


def iban(chance: random.Random) -> str:
    """Of seven countries; in fours, bare, small or with dashes."""
    country, length = chance.choice(
        [("ES", 24), ("DE", 22), ("FR", 27), ("GB", 22), ("PT", 25), ("IT", 27), ("NL", 18)]
    )
    inner = _digits(chance, length - 4)
    if country in ("GB", "NL"):
        inner = "".join(chance.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ") for _ in range(4)) + inner[4:]
    whole = f"{country}{98 - _remainder_97(inner + country + '00'):02d}{inner}"
    fours = tuple([4] * (length // 4) + ([length % 4] if length % 4 else []))
    return chance.choice([whole, _cut(whole, fours, " "), _cut(whole, fours, "-"), whole.lower()])


def card(chance: random.Random) -> str:
    """Visa, Mastercard, American Express."""
    first, length = chance.choice([("4", 16), ("53", 16), ("2720", 16), ("37", 15)])
    digits = first + _digits(chance, length - 1 - len(first))
    total = 0
    for at, digit in enumerate(reversed(digits + "0")):
        value = int(digit) * (2 if at % 2 else 1)
        total += value - 9 if value > 9 else value
    digits += str(-total % 10)
    sizes = (4, 6, 5) if length == 15 else (4, 4, 4, 4)
    return chance.choice(
        [digits, _cut(digits, sizes, " "), _cut(digits, sizes, "-"), _cut(digits, sizes, "\u00a0")]
    )


def social_security(chance: random.Random) -> str:
    """28/12345678/40 and its like."""
    province, number = f"{chance.randint(1, 52):02d}", f"{chance.randint(10_000_000, 99_999_999)}"
    control = f"{int(province + number) % 97:02d}"
    return chance.choice(["", " ", "/", "-"]).join([province, number, control])


def phone(chance: random.Random) -> str:
    """A Spanish one: mobile or of a house, with and without the country's code."""
    digits = chance.choice(["6", "71", "91", "93", "85", "98"])
    digits += _digits(chance, 9 - len(digits))
    sizes = chance.choice([(3, 3, 3), (3, 2, 2, 2), (2, 3, 2, 2), (9,)])
    return chance.choice(["", "", "+34 ", "+34", "0034 "]) + _cut(
        digits, sizes, chance.choice([" ", "-", "."])
    )


def foreign_phone(chance: random.Random) -> str:
    """In the international form."""
    code, sizes = chance.choice(
        [
            ("+44", (2, 4, 4)),
            ("+1", (3, 3, 4)),
            ("+49", (3, 4, 4)),
            ("+33", (1, 2, 2, 2, 2)),
            ("+351", (3, 3, 3)),
            ("+52", (2, 4, 4)),
        ]
    )
    digits = chance.choice("23456789") + _digits(chance, sum(sizes) - 1)
    return f"{code} {_cut(digits, sizes, chance.choice([' ', '-']))}"


def email(chance: random.Random) -> str:
    """name.surname@company.tld."""
    name, surname = (
        chance.choice(["ana", "luis", "marta", "john", "eva"]),
        chance.choice(["lopez", "smith", "nunez", "o-hara"]),
    )
    host = chance.choice(["empresa.es", "mail.example.com", "acme.co.uk", "gob.example.org"])
    return f"{name}{chance.choice(['.', '_', ''])}{surname}{chance.choice(['', '7', '+web'])}@{host}"


def plate(chance: random.Random) -> str:
    """1234 BCD."""
    letters = "".join(chance.choice("BCDFGHJKLMNPRSTVWXYZ") for _ in range(3))
    return _digits(chance, 4) + chance.choice(["", " ", "-"]) + letters


def address(chance: random.Random) -> str:
    """Of the internet, version 4."""
    return f"{chance.randint(11, 223)}." + ".".join(str(chance.randint(0, 254)) for _ in range(3))


def key(chance: random.Random) -> str:
    """Of a machine."""
    signs = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
    return chance.choice(["sk-", "ghp_", "hf_"]) + "".join(chance.choice(signs) for _ in range(36))


# By kind: values, and texts with a word that names it, in both languages. `{}` is where the value stands.
NAMED: tuple[tuple[str, Value, tuple[str, ...]], ...] = (
    (
        "spanish_id",
        dni,
        (
            "Mi DNI es {}.",
            "Titular: Eva Ruiz, con DNI {}, domiciliada aquí.",
            "Her Spanish identity number is {}.",
        ),
    ),
    ("spanish_id", nie, ("El NIE {} caduca en mayo.", "His NIE is {}.")),
    ("iban", iban, ("Cuenta: {}", "Abónalo en el IBAN {} hoy mismo.", "Please transfer it to {} today.")),
    ("card", card, ("Cargar en la tarjeta {}.", "My card is {}, thanks.")),
    (
        "social_security",
        social_security,
        ("Número de la Seguridad Social: {}", "Her Spanish social security number: {}."),
    ),
    ("phone", phone, ("Mi teléfono es {}.", "Llama al {} mañana.", "Call {} for the office in Spain.")),
    ("phone", foreign_phone, ("El teléfono de Londres: {}", "You can reach me on {}.")),
    ("email", email, ("Mi correo: {}", "Write to {}, please.")),
    ("number_plate", plate, ("El coche con matrícula {} está mal aparcado.", "The van has the plate {}.")),
    ("ip_address", address, ("Entró desde la IP {}.", "The host {} is down.")),
    ("secret", key, ("La clave de API es {}", "use the key {} for it")),
)
BARE = ("Apunta: {}", "Para el expediente, {} y nada más.", "Note {} in the file.", "{}")

# What looks like it and is not.
_DECOYS: tuple[tuple[str, Callable[[random.Random], str]], ...] = (
    (
        "El importe es de {} euros.",
        lambda chance: f"{chance.randint(100, 999)}.{_digits(chance, 3)}.{_digits(chance, 3)}",
    ),
    (
        "The total was {} USD.",
        lambda chance: f"{chance.randint(100, 999)} {_digits(chance, 3)} {_digits(chance, 3)}",
    ),
    ("Pedido {} recibido.", lambda chance: "45" + _digits(chance, 8)),
    ("Order {} has shipped.", lambda chance: "10" + _digits(chance, 6)),
    (
        "La reunión es el {}.",
        lambda chance: (
            f"{chance.randint(1, 28):02d}/{chance.randint(1, 12):02d}/2026 a las 10:{chance.randint(10, 59)}"
        ),
    ),
    (
        "It ran at {}.",
        lambda chance: (
            f"2026-11-{chance.randint(1, 28):02d}T10:{chance.randint(10, 59)}:07.{_digits(chance, 6)}Z"
        ),
    ),
    ("El EAN es {}.", lambda chance: "84" + _digits(chance, 11)),
    (
        "The build {} is out.",
        lambda chance: (
            f"version {chance.randint(1, 30)}.{chance.randint(0, 30)}.{chance.randint(0, 30)}.{chance.randint(0, 99)}"
        ),
    ),
    (
        "Instala la versión {}.",
        lambda chance: f"{chance.randint(1, 30)}.{chance.randint(0, 30)}.{chance.randint(0, 99)}",
    ),
    (
        "uuid {}",
        lambda chance: _cut(
            "".join(chance.choice("0123456789abcdef") for _ in range(32)), (8, 4, 4, 4, 12), "-"
        ),
    ),
    ("commit {}", lambda chance: "".join(chance.choice("0123456789abcdef") for _ in range(40))),
    ("Los valores son {}.", lambda chance: ", ".join(str(chance.randint(0, 999)) for _ in range(8))),
    ("pi es {}", lambda chance: "3." + _digits(chance, 18)),
    ("at {} seconds since 1970", lambda chance: "17" + _digits(chance, 8)),
    ("Referencia catastral {}", lambda chance: _digits(chance, 7) + "VK" + _digits(chance, 4) + "A0001XY"),
    ("ISBN {}", lambda chance: f"978-84-{_digits(chance, 3)}-{_digits(chance, 4)}-{_digits(chance, 1)}"),
    ("Coordenadas {}", lambda chance: f"40.{_digits(chance, 6)}, -3.{_digits(chance, 6)}"),
    ("The file has {} bytes.", lambda chance: str(chance.randint(10**7, 10**10))),
)


def samples(count: int, seed: int) -> Iterator[Sample]:
    """Per kind `count` with a word that names it and `count` without; then as many decoys of each sort."""
    chance = random.Random(seed)
    for kind, value, templates in NAMED:
        for _ in range(count):
            yield _filled(chance.choice(templates), kind, value(chance), is_named=True)
            yield _filled(chance.choice(BARE), kind, value(chance), is_named=False)
    for template, decoy in _DECOYS:
        for _ in range(count):
            yield Sample(template.format(decoy(chance)), ())


def _filled(template: str, kind: str, value: str, *, is_named: bool) -> Sample:
    start = template.index("{}")
    return Sample(template.format(value), ((kind, start, start + len(value)),), is_named)

"""Which columns hold data about people, by their names in Spanish and English and by what stands in them. Pure.

A guess that errs towards people: such a column is left out until an administrator takes it in. It misses names of
people in a column with an odd name, and whatever a code stands for.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from itertools import pairwise

from appliance.domain.data_sources import Because
from inference.personal_data.detector import Detector
from querying.types import Table

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")


def _words_of(text: str) -> frozenset[str]:
    return frozenset(text.split())


_PERSONAL = _words_of(
    """
    email mail correo telefono telefonos telefon tel tlf tfno phone phones telephone mobile movil cell fax
    firstname lastname surname surnames fullname givenname familyname middlename username nickname
    apellido apellidos
    birth birthday birthdate dob nacimiento
    address addresses direccion direcciones domicilio street calle
    password passwd contrasena pwd
    salary salario sueldo wage nomina
    gender sexo religion diagnosis diagnostico signature firma
    """
)
_NUMBERS_OF_PEOPLE = _words_of("dni nif nie nss ssn passport pasaporte iban")
_NAMES_BEFORE = _words_of(
    "first last full given family middle maiden contact user customer employee person cliente"
)
_NAMES_AFTER = _words_of("completo pila cliente empleado contacto usuario paciente alumno trabajador persona")
_PEOPLE = _words_of(
    """
    customer client person people employee staff worker contact user member patient student candidate lead subscriber
    cliente empleado persona trabajador contacto usuario socio paciente alumno candidato suscriptor abonado
    """
)
_NO_PERSON = frozenset({"id", "ids", "fk", "key", "code", "codigo", "count", "num", "numero"})
_LEAST_SHARE = 0.1


def personal_by_name(table: Table) -> frozenset[str]:
    """The columns of a table whose names tell it. A bare `name` is one of people where the table is of people."""
    found = frozenset(column.name for column in table.columns if _is_personal(_words(column.name)))
    is_of_people = bool(found) or any(_singular(word) & _PEOPLE for word in _words(table.name))
    if not is_of_people:
        return found
    return found | {column.name for column in table.columns if _words(column.name) in (["name"], ["nombre"])}


def is_personal_by_values(values: Sequence[str], detector: Detector) -> bool:
    """Whether personal data or secrets were found in at least one of ten."""
    if not values:
        return False
    found = sum(bool(detector.find(value)) for value in values)
    return found > 0 and found >= _LEAST_SHARE * len(values)


def because(name: str, by_name: frozenset[str], by_values: frozenset[str]) -> Because:
    """Why that column is left out; empty: it is not."""
    if name in by_name:
        return "name"
    return "values" if name in by_values else ""


def _is_personal(words: Sequence[str]) -> bool:
    if not _NUMBERS_OF_PEOPLE.isdisjoint(words):
        return True
    if not words or words[-1] in _NO_PERSON or words[0] in _NO_PERSON:
        return False  # the key of an address, the number of phones
    if not _PERSONAL.isdisjoint(words):
        return True
    pairs = set(pairwise(words))
    return any(
        (second == "name" and first in _NAMES_BEFORE) or (first == "nombre" and second in _NAMES_AFTER)
        for first, second in pairs
    )


def _words(name: str) -> list[str]:
    """`FechaNacimiento`, `fecha_nacimiento` and `FECHA NACIMIENTO` are the same two; without accents."""
    plain = "".join(sign for sign in unicodedata.normalize("NFKD", name) if not unicodedata.combining(sign))
    return [word.lower() for word in _WORD.findall(plain)]


def _singular(word: str) -> set[str]:
    return {word, word.removesuffix("s"), word.removesuffix("es")}

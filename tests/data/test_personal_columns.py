"""Which columns count as personal, and what of a table is offered then."""

from __future__ import annotations

from uuid import uuid4

import pytest

from appliance.domain.data_sources import AskableSource, ChosenTable, DataSource
from appliance.services.data.chosen_tables import (
    ColumnChanges,
    Looked,
    chosen_again,
    described,
    newly_chosen,
    personal_offered,
)
from appliance.services.data.personal_columns import is_personal_by_values, personal_by_name
from inference.personal_data.patterns import PatternDetector
from querying.types import Column, ForeignKey, Schema, Table


def _table(name: str, *columns: str) -> Table:
    return Table(name, tuple(Column(column, "text") for column in columns))


@pytest.mark.parametrize(
    "name",
    [
        *("email", "E-Mail", "correo_electronico", "teléfono", "TELEFONO_MOVIL", "PhoneNumber", "tel_fijo"),
        *("dni", "DNI_NIE", "nif_cliente", "num_ss_nss", "passport_no", "iban"),
        *("first_name", "LastName", "apellido1", "Apellidos", "nombre_completo", "customer_name", "username"),
        *("fecha_nacimiento", "FechaNacimiento", "birth_date", "dob"),
        *("address", "billing_address", "dirección", "domicilio_fiscal", "salario_bruto", "password_hash"),
    ],
)
def test_a_column_about_people_is_known_by_its_name(name: str) -> None:
    """In Spanish and English, however words are written together, with and without accents."""
    assert personal_by_name(_table("t", name)) == {name}


@pytest.mark.parametrize(
    "name",
    [
        *("id", "name", "nombre", "ciudad", "city", "country", "total", "fecha", "invoice_date", "category"),
        *("address_id", "id_direccion", "customer_id", "phone_count", "product_name", "genre_name", "titulo"),
    ],
)
def test_other_columns_are_left_in(name: str) -> None:
    """A key of an address is not one; a name is not somebody's where nothing else speaks of people."""
    assert personal_by_name(_table("product", name)) == set()


def test_a_bare_name_is_somebody_s_in_a_table_of_people() -> None:
    """By the table's name, or by its other columns."""
    assert personal_by_name(_table("clientes", "nombre", "ciudad")) == {"nombre"}
    assert personal_by_name(_table("supplier", "name", "phone")) == {"name", "phone"}
    assert personal_by_name(_table("artist", "name", "genre")) == set()


@pytest.mark.parametrize(
    ("values", "is_personal"),
    [
        (("ana@example.org", "luis@example.org"), True),
        (("12345678Z", "X1234567L"), True),
        (("call 600 123 456", *("nothing",) * 8), True),
        (("Madrid", "Sevilla", "Vigo"), False),
        (("2026-01-31", "REF-00417"), False),
        ((), False),
    ],
)
def test_a_column_about_people_is_known_by_what_stands_in_it(
    values: tuple[str, ...], is_personal: bool
) -> None:
    """Addresses, numbers of identity cards, telephones; one of ten is enough."""
    assert is_personal_by_values(values, PatternDetector()) is is_personal


def _chosen() -> ChosenTable:
    looked = Looked({"email": "name"}, {"city": ("Vigo",), "email": ("a@b.example",)}, frozenset({"note"}))
    return newly_chosen(_table("customer", "id", "email", "city", "note"), looked, None)


def test_what_is_about_people_or_was_not_looked_through_is_not_offered() -> None:
    """And has no samples; of the others those of few values are kept."""
    chosen = _chosen()

    assert [one.column.name for one in chosen.columns if one.is_offered] == ["id", "city"]
    assert {one.column.name: one.column.samples for one in chosen.columns if one.column.samples} == {
        "city": ("Vigo",)
    }
    assert [column.name for column in chosen.offered().columns] == ["id", "city"]


def test_somebody_s_word_takes_a_column_in_and_out() -> None:
    """One that is called personal by hand loses its samples and is offered no more."""
    taken_in = described(_chosen(), None, [ColumnChanges("email", is_offered=True)])
    taken_out = described(taken_in, "Who buys", [ColumnChanges("city", is_personal=True)])

    assert personal_offered([taken_in]) == {"customer.email"}
    assert [column.name for column in taken_out.offered().columns] == ["id", "email"]
    assert taken_out.table.description == "Who buys"
    assert {one.column.name: one.personal for one in taken_out.columns}["city"] == "hand"
    assert not any(one.column.samples for one in taken_out.columns)


def test_choosing_again_keeps_what_was_said_and_offers_nothing_new() -> None:
    """A new column is known from then on."""
    before = described(_chosen(), "Who buys", [ColumnChanges("city", description="Where")])
    now = _table("customer", "id", "email", "city", "note", "colour")

    again = chosen_again(now, before, Looked({}, {}), None)

    assert again.table.description == "Who buys"
    assert {one.column.name: one.is_offered for one in again.columns} == {
        "id": True, "email": False, "city": True, "note": False, "colour": False,
    }  # fmt: skip
    assert next(one.column for one in again.columns if one.column.name == "city").description == "Where"


def test_a_foreign_key_to_what_is_not_offered_is_not_told() -> None:
    """Nobody learns from a key that there is a table of salaries."""
    sale = Table(
        "sale",
        (Column("id", "integer"), Column("salary_id", "integer")),
        foreign_keys=(ForeignKey(("salary_id",), "salary", ("id",)),),
    )
    source = DataSource(uuid4(), "Shop", "sqlite", {})

    schema = AskableSource(source, (newly_chosen(sale, Looked({}, {}), None),)).schema()

    assert schema == Schema("sqlite", (Table("sale", sale.columns),))

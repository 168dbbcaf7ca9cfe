"""Which tables a question is about: its words against names, descriptions, values and neighbours.

Stems in Spanish and English, and a word list between the two, so that "ventas por país" finds `invoice.billing_country`
where somebody wrote down what an invoice is, or the list knows the words. No meaning beyond that: an odd name without a
description is not found, and stands in the prompt only while there is room.
"""

from __future__ import annotations

import math
import re
import threading
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from appliance.domain.data import OfferedSource
from appliance.pipelines.answer_from_data.formatting import words_of
from querying.types import Column, Schema, Table
from rag.analysis import Analyzer
from rag.bridging import Bridging

# What a word weighs where it stands; a table's own name tells most.
_TABLE_NAME, _COLUMN_NAME, _TABLE_TEXT, _COLUMN_TEXT, _SAMPLE = 4.0, 2.0, 2.0, 1.0, 1.5
_WITHIN = 0.5  # of its weight, where a name without joints holds the word: `invoiceline`
# What companies call the same: whoever asks for revenue is told of invoices.
_KIN = (
    "revenue sale sales sold turnover income billed invoice invoices order orders amount venta ventas vendido ingresos "
    "facturacion facturado factura facturas pedido pedidos importe",
    "staff employee employees worker personnel empleado empleados plantilla trabajador trabajadores",
    "client clients customer customers buyer cliente clientes comprador",
    "stock inventory warehouse existencias inventario almacen",
    "product products item items article sku articulo articulos producto productos",
    "supplier suppliers vendor provider proveedor proveedores",
    "price prices cost costs precio precios coste costes tarifa",
)
_OF_KIN = 0.5  # of a word's weight
_NEIGHBOUR = 0.35  # of a neighbour's score
_SEEDS = 3
_FARTHEST = 3  # steps between two tables that belong together
_LEAST_LETTERS = 4
_REMEMBERED = 16  # schemas


@dataclass(frozen=True, slots=True)
class LinkedTable:
    """score: 0 where nothing of the question stands in it. columns: those that the question is about."""

    table: Table
    score: float = 0.0
    columns: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Linked:
    """A source with its tables, the most telling first. score: of its best ones."""

    source: OfferedSource
    tables: tuple[LinkedTable, ...]
    score: float


@dataclass(frozen=True, slots=True)
class _Indexed:
    """weights: of each table, by term. of_columns: terms of each column. names: run together, in small letters."""

    weights: Sequence[Mapping[str, float]]
    of_columns: Sequence[Mapping[str, frozenset[str]]]
    names: Sequence[str]
    found_in: Mapping[str, int]
    neighbours: Sequence[frozenset[int]]


class Linking:
    """Remembers the last schemas, so that five hundred tables are not read anew with every question."""

    def __init__(self, analyzer: Analyzer) -> None:
        self._analyzer = analyzer = Analyzer(analyzer.languages)  # stemmers are no thread's but one's
        self._bridging = Bridging(analyzer)
        self._turn = threading.Lock()
        self._kin = [frozenset(analyzer.terms(words, None)) for words in _KIN]
        self._known: OrderedDict[object, tuple[Schema, _Indexed]] = OrderedDict()

    def ranked(self, question: str, sources: Iterable[OfferedSource]) -> list[Linked]:
        """The source that the question is about first. Blocks: a tenth of a second for each 500 tables."""
        with self._turn:
            words = self._words(question)
            linked = [self._linked(words, source) for source in sources]
        return sorted(linked, key=lambda one: -one.score)

    def _words(self, question: str) -> list[frozenset[str]]:
        """Each word of the question as the terms that it may stand under, those of the other language too."""
        language = self._analyzer.language(question)
        words = [word.terms for word in self._analyzer.content_words(question, None)]
        spoken = [language] if language else list(self._analyzer.languages)
        for one in spoken:
            for word in self._analyzer.content_words(question, one):
                piece = question[word.start : word.end]
                for bridged in self._bridging.bridged(piece, one):
                    words += [frozenset(other.terms) for other in bridged.words]
        return list(dict.fromkeys(words))

    def _linked(self, words: Sequence[frozenset[str]], source: OfferedSource) -> Linked:
        tables = source.schema.tables
        index = self._indexed(source)
        kin = [one for terms in words if (one := self._kin_of(terms))]
        own = [
            self._score(words, index, n, len(tables)) + _OF_KIN * self._score(kin, index, n, len(tables))
            for n in range(len(tables))
        ]
        scores = [
            own[n] + _NEIGHBOUR * max((own[m] for m in index.neighbours[n]), default=0.0)
            for n in range(len(tables))
        ]
        order = sorted(range(len(tables)), key=lambda n: (-scores[n], tables[n].full_name))
        seeds = [n for n in order[:_SEEDS] if own[n] > 0]
        order = list(dict.fromkeys([*seeds, *_between(seeds, index.neighbours), *order]))
        found = tuple(
            LinkedTable(tables[n], scores[n], _columns_meant(words, index.of_columns[n])) for n in order
        )
        return Linked(source, found, sum(sorted(own, reverse=True)[:_SEEDS]))

    def _kin_of(self, terms: frozenset[str]) -> frozenset[str]:
        """What else it may be called; by whole words, because stems of two languages meet by chance."""
        own = {term for term in terms if term.startswith("=")}
        return frozenset[str]().union(*(kin for kin in self._kin if not own.isdisjoint(kin))) - terms

    def _score(self, words: Sequence[frozenset[str]], index: _Indexed, n: int, count: int) -> float:
        weights, score = index.weights[n], 0.0
        for terms in words:
            best = 0.0
            for term in terms:
                weight = weights.get(term, 0.0)
                if not weight and len(term) > _LEAST_LETTERS and term.lstrip("=") in index.names[n]:
                    weight = _WITHIN * _TABLE_NAME
                rarity = math.log(1 + count / (1 + index.found_in.get(term, 0)))
                best = max(best, weight * rarity)
            score += best
        return score

    def _indexed(self, source: OfferedSource) -> _Indexed:
        schema = source.schema
        known = self._known.get(source.id)
        if known is None or (known[0] is not schema and known[0] != schema):
            known = schema, self._index(schema)
            self._known[source.id] = known
        self._known.move_to_end(source.id)
        while len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return known[1]

    def _index(self, schema: Schema) -> _Indexed:
        weights: list[dict[str, float]] = []
        of_columns: list[dict[str, frozenset[str]]] = []
        for table in schema.tables:
            ours: defaultdict[str, float] = defaultdict(float)
            self._add(ours, _named(table.name), _TABLE_NAME)
            self._add(ours, table.description, _TABLE_TEXT)
            columns: dict[str, frozenset[str]] = {}
            for column in table.columns:
                columns[column.name] = frozenset(self._terms(_told(column)))
                self._add(ours, _named(column.name), _COLUMN_NAME)
                self._add(ours, column.description, _COLUMN_TEXT)
                self._add(ours, " ".join(column.samples), _SAMPLE)
            weights.append(dict(ours))
            of_columns.append(columns)
        found_in = Counter(term for one in weights for term in one)
        names = ["".join(words_of(table.name)) for table in schema.tables]
        return _Indexed(weights, of_columns, names, found_in, _neighbours(schema))

    def _add(self, weights: defaultdict[str, float], text: str, weight: float) -> None:
        for term in set(self._terms(text)):
            weights[term] = max(weights[term], weight)

    def _terms(self, text: str) -> list[str]:
        return self._analyzer.terms(text, None) if text else []


def _told(column: Column) -> str:
    return " ".join([_named(column.name), column.description, *column.samples])


def _named(name: str) -> str:
    """A name as words: `BillingCountry`, `billing_country`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|[_\W]+", " ", name)


def _columns_meant(words: Sequence[frozenset[str]], columns: Mapping[str, frozenset[str]]) -> frozenset[str]:
    meant = frozenset[str]().union(*words) if words else frozenset[str]()
    return frozenset(name for name, terms in columns.items() if not meant.isdisjoint(terms))


def _neighbours(schema: Schema) -> list[frozenset[int]]:
    """Tables that a foreign key joins, either way."""
    number = {table.full_name: n for n, table in enumerate(schema.tables)}
    found: list[set[int]] = [set() for _ in schema.tables]
    for n, table in enumerate(schema.tables):
        for key in table.foreign_keys:
            name = f"{key.namespace}.{key.table}" if key.namespace else key.table
            other = number.get(name, number.get(f"{table.namespace}.{key.table}"))
            if other is not None and other != n:
                found[n].add(other)
                found[other].add(n)
    return [frozenset(one) for one in found]


def _between(seeds: Sequence[int], neighbours: Sequence[frozenset[int]]) -> list[int]:
    """Tables on the shortest ways from the first seed to the others: without them nobody can join."""
    if len(seeds) < 2:
        return []
    before: dict[int, int] = {seeds[0]: seeds[0]}
    steps = {seeds[0]: 0}
    queue = deque([seeds[0]])
    while queue:
        at = queue.popleft()
        if steps[at] == _FARTHEST:
            continue
        for other in sorted(neighbours[at]):
            if other not in before:
                before[other], steps[other] = at, steps[at] + 1
                queue.append(other)
    found: list[int] = []
    for seed in seeds[1:]:
        at = seed
        while at in before and before[at] != at:
            at = before[at]
            found.append(at)
    return found

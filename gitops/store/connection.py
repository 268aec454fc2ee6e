"""Statements on one connection: SQLAlchemy writes the SQL, the driver runs it.

In: statements of SQLAlchemy Core and values for their parameters. Out: rows, with values as the
columns' types read them. Called by every part of the store, inside a transaction of `database.py`.
SQLAlchemy's own way to the driver takes 100 µs a statement, and SQLite 4.
"""

import sqlite3
from collections import namedtuple
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Final, TypeAlias

from sqlalchemy import Select
from sqlalchemy.dialects import sqlite
from sqlalchemy.sql import ClauseElement
from sqlalchemy.types import TypeEngine

DIALECT: Final = sqlite.dialect(paramstyle="named")

Convert: TypeAlias = Callable[[Any], Any]
Row: TypeAlias = Any
"""A named tuple: columns by name and by place."""


class Prepared:
    """A statement whose SQL is made once; for those that are run again and again."""

    def __init__(self, statement: ClauseElement) -> None:
        made: Any = statement.compile(dialect=DIALECT)
        self.sql = str(made)
        self._binds = [
            (name, bind.required, bind.effective_value, _writer(bind.type))
            for bind, name in made.bind_names.items()
        ]
        columns = statement.selected_columns if isinstance(statement, Select) else ()
        readers = [_reader(column.type) for column in columns]
        self.readers = [(place, read) for place, read in enumerate(readers) if read is not None]

    def values(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The driver's parameters; raises KeyError where one is missing."""
        made = {}
        for name, required, said, convert in self._binds:
            value = given[name] if required else said
            made[name] = value if convert is None else convert(value)
        return made


class Result:
    """What a statement answered; rows are read as they are asked for."""

    def __init__(self, cursor: sqlite3.Cursor, readers: Sequence[tuple[int, Convert]]) -> None:
        self._cursor = cursor
        self._readers = readers
        self._make = _row_type(tuple(column[0] for column in cursor.description or ()))

    def __iter__(self) -> Iterator[Row]:
        return map(self._row, self._cursor)

    def _row(self, values: Sequence[Any]) -> Row:
        if self._readers:
            values = list(values)
            for place, read in self._readers:
                values[place] = read(values[place])
        return self._make(values)

    def all(self) -> list[Row]:
        """Every row."""
        return list(self)

    def first(self) -> Row | None:
        """The first row, or None."""
        return next(iter(self), None)

    def scalar(self) -> Any:
        """The first value of the first row, or None."""
        row = self.first()
        return None if row is None else row[0]


class Connection:
    """A connection of the driver; `driver` is for what no statement says."""

    def __init__(self, driver: sqlite3.Connection) -> None:
        self.driver = driver

    def execute(
        self,
        statement: Prepared | ClauseElement,
        given: Mapping[str, Any] | Sequence[Mapping[str, Any]] = (),
    ) -> Result:
        """Run a statement once, or once for each of several sets of values."""
        prepared = statement if isinstance(statement, Prepared) else Prepared(statement)
        if isinstance(given, Mapping) or not given:
            values = prepared.values(given if isinstance(given, Mapping) else {})
            return Result(self.driver.execute(prepared.sql, values), prepared.readers)
        many = [prepared.values(one) for one in given]
        return Result(self.driver.executemany(prepared.sql, many), ())


@cache
def _row_type(names: tuple[str, ...]) -> Callable[[Sequence[Any]], Row]:
    kind: Any = namedtuple("Row", [*names], rename=True)  # type: ignore[misc]  # noqa: PYI024 - its fields are a query's
    make: Callable[[Sequence[Any]], Row] = kind._make
    return make


def _writer(kind: TypeEngine[Any]) -> Convert | None:
    return kind.dialect_impl(DIALECT).bind_processor(DIALECT)


def _reader(kind: TypeEngine[Any]) -> Convert | None:
    return kind.dialect_impl(DIALECT).result_processor(DIALECT, None)

#!/usr/bin/env python3
"""Compares the statistics in the files of an exported directory with the values that they are about.

usage: statistics.py DIRECTORY

Engines skip what lies outside of a least and a greatest: where these are wrong, rows are missing from answers. The values
are fetched and compared here, for an engine asked for a least value may answer from the statistics. The exit status
is 1 if one is wrong, or if there are hardly any.
"""

import pathlib
import sys

import duckdb

connection = duckdb.connect()
connection.execute("SET TimeZone = 'UTC'")


def rows(query, *values):
    return connection.execute(query, values).fetchall()


def micros(text):
    return rows("SELECT epoch_us(CAST(? AS TIMESTAMPTZ))", text)[0][0]


def stated(kind, text):
    if text is None:
        return None
    return {"BIGINT": int, "TIMESTAMP WITH TIME ZONE": micros, "VARCHAR": str.encode}[kind](text)


def values_of(path, column, kind):
    cell = f'epoch_us("{column}")' if kind.startswith("TIMESTAMP") else f'"{column}"'
    cells = [cell for (cell,) in rows(f"SELECT {cell} FROM read_parquet(?)", path)]
    return [cell.encode() if isinstance(cell, str) else cell for cell in cells]


def wrong_in(path):
    kinds = {name: kind for name, kind, *_ in rows("DESCRIBE SELECT * FROM read_parquet(?)", path)}
    statistics = rows(
        "SELECT path_in_schema, stats_min_value, stats_max_value, stats_null_count FROM parquet_metadata(?)", path
    )
    for column, least, greatest, nulls in statistics:
        kind = kinds[column]
        if nulls is None or kind not in ("BIGINT", "TIMESTAMP WITH TIME ZONE", "VARCHAR"):
            continue
        cells = values_of(path, column, kind)
        there = [cell for cell in cells if cell is not None]
        if len(cells) - len(there) != nulls:
            yield f"{column}: {nulls} rows without a value, not {len(cells) - len(there)}"
        if least is None or greatest is None:
            continue
        if (stated(kind, least), stated(kind, greatest)) != (min(there), max(there)):
            yield f"{column}: {least} to {greatest}, not {min(there)} to {max(there)}"
        yield None


def main(directory):
    compared = wrong = 0
    for path in sorted(pathlib.Path(directory).rglob("*.parquet")):
        for complaint in wrong_in(str(path)):
            compared += 1
            if complaint:
                wrong += 1
                print(f"{path.relative_to(directory)}: {complaint}")
    print(f"{compared} statistics, {wrong} of them wrong")
    return 1 if wrong or compared < 100 else 0


sys.exit(main(sys.argv[1]))

#!/usr/bin/env python3
"""Asks DuckDB and chDB the named queries over an exported directory and compares with mailtally's answers.

usage: engines.py DIRECTORY QUERIES ANSWERS

QUERIES has NAME.sql files, ANSWERS what `mailtally sql --name NAME --format json DIRECTORY` printed, as NAME.json.
Rows are compared in their order: each query sorts by all that tells its rows apart. The exit status is 1 if an answer
differs, or if an engine has none.
"""

import datetime
import decimal
import json
import pathlib
import sys
import time

import chdb.session
import duckdb

TABLES = ["events", "messages", "deliveries", "rejects", "logins", "tls_sessions"]


class DuckDb:
    name = "duckdb"

    def __init__(self, directory):
        self.connection = duckdb.connect()
        self.connection.execute("SET TimeZone = 'UTC'")
        for table in TABLES:
            files = f"{directory}/{table}/*/*/*.parquet"
            self.connection.execute(
                f"CREATE VIEW {table} AS SELECT * FROM read_parquet('{files}', hive_partitioning = true)"
            )

    def ask(self, query):
        answer = self.connection.execute(query)
        names = [column[0] for column in answer.description]
        return names, answer.fetchall()


class ChDb:
    name = "chdb"

    def __init__(self, directory):
        self.session = chdb.session.Session()
        self.session.query("SET session_timezone = 'UTC'")
        self.session.query("CREATE DATABASE mail ENGINE = Atomic")
        self.session.query("USE mail")
        for table in TABLES:
            files = f"{directory}/{table}/*/*/*.parquet"
            self.session.query(f"CREATE VIEW {table} AS SELECT * FROM file('{files}', 'Parquet')")

    def ask(self, query):
        answer = json.loads(str(self.session.query(query, "JSONCompact")))
        return [column["name"] for column in answer["meta"]], answer["data"]


def plain(cell):
    """One spelling for what engines type differently: 7, "7", 7.0 and Decimal(7)."""
    if isinstance(cell, bool):
        return int(cell)
    if isinstance(cell, (decimal.Decimal, float)) and cell == int(cell):
        return int(cell)
    if isinstance(cell, (datetime.date, datetime.datetime)):
        return cell.isoformat()
    if isinstance(cell, str) and cell.lstrip("-").isdigit():
        return int(cell)
    return cell


def difference(names, rows, expected):
    """Says where an answer differs from a list of objects; None if nowhere."""
    rows = [[plain(cell) for cell in row] for row in rows]
    if expected and names != list(expected[0]):
        return f"columns {names} instead of {list(expected[0])}"
    wanted = [[plain(cell) for cell in row.values()] for row in expected]
    if len(rows) != len(wanted):
        return f"{len(rows)} rows instead of {len(wanted)}"
    for at, (row, want) in enumerate(zip(rows, wanted)):
        if row != want:
            return f"row {at + 1} is {row} instead of {want}"
    return None


def main():
    directory, queries, answers = (pathlib.Path(argument).resolve() for argument in sys.argv[1:4])
    failed = asked = 0
    for engine in (DuckDb(directory), ChDb(directory)):
        for file in sorted(answers.glob("*.json")):
            expected = json.loads(file.read_text(encoding="utf8"))
            query = (queries / f"{file.stem}.sql").read_text(encoding="utf8")
            start = time.monotonic()
            try:
                wrong = difference(*engine.ask(query), expected)
            except Exception as error:  # each engine has kinds of its own
                wrong = str(error).strip().splitlines()[0]
            spent = time.monotonic() - start
            asked += 1
            if wrong:
                failed += 1
            print(f"{engine.name:<7} {file.stem:<24} {len(expected):>7} rows {spent:6.2f} s  {wrong or 'same'}")
    print(f"{asked} answers, {failed} differ")
    return 1 if failed or not asked else 0


if __name__ == "__main__":
    sys.exit(main())

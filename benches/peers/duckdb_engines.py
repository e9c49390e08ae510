"""DuckDB: exact on the time-ordered file, exact on our files, and with the bounds written by hand. No noise."""
import json
from base import Engine, duckdb_connection


class Exact(Engine):
    private = False
    form = "exact"

    def setup(self, query):
        self.connection = duckdb_connection(self.folder)

    def run(self, query):
        return self.connection.execute(getattr(query, self.form)).fetchall()


class Bounded(Exact):
    form = "bounded"


class Sorted(Exact):
    """Over the stored layout: sorted by unit, split, our encodings."""

    def view(self, table):
        files = json.loads((self.folder / f"{table}.json").read_text())
        paths = ", ".join(f"'{self.folder}/layout/{f['path']}'" for f in files)
        return f"SELECT * RENAME (__unit AS user_id) FROM read_parquet([{paths}])"

    def setup(self, query):
        self.connection = duckdb_connection(self.folder, self.view("events"), self.view("users"))


class SortedBounded(Sorted):
    form = "bounded"


ENGINES = {"duckdb-exact": Exact, "duckdb-exact-sorted": Sorted, "duckdb-bounded": Bounded,
           "duckdb-bounded-sorted": SortedBounded}

"""What a peer has to provide. Answers come back as rows of keys and one value."""
import json
from pathlib import Path

THREADS = 2


class Refused(Exception):
    """The peer can't express the query, or rejects it."""


class Engine:
    private = True

    def __init__(self, folder):
        self.folder = Path(folder)
        self.events, self.users = f"{folder}/events.parquet", f"{folder}/users.parquet"
        self.row_count = sum(f["rows"] for f in json.loads((self.folder / "events.json").read_text()))

    def setup(self, query):
        """Not timed: connect, load what can't be read in place."""

    def run(self, query):
        raise NotImplementedError


def duckdb_connection(folder, events=None, users=None):
    import duckdb
    connection = duckdb.connect()
    connection.execute(f"SET threads={THREADS}; SET enable_progress_bar=false; SET memory_limit='12GB'; "
                       f"SET temp_directory='{folder}/duckdb-spill'")
    events = events or f"SELECT * FROM '{folder}/events.parquet'"
    users = users or f"SELECT * FROM '{folder}/users.parquet'"
    connection.execute(f"CREATE VIEW events AS {events}; CREATE VIEW users AS {users}")
    return connection

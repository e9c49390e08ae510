"""SmartNoise SQL over DuckDB, through its PostgreSQL dialect.

Its only bound is max_ids, random rows of a user: l0 × linf gives the sensitivity of the others. Its ε is per output
column, so it is scaled until the query costs EPSILON.
"""
import re
import warnings
from base import Engine, Refused, duckdb_connection
from queries import DELTA, EPSILON

SQL = {
    "q01": "SELECT COUNT(*) AS v FROM s.events",
    "q02": "SELECT campaign_id, COUNT(*) AS v FROM s.events GROUP BY campaign_id",
    "q03": "SELECT channel, country, COUNT(DISTINCT user_id) AS v FROM s.events GROUP BY channel, country",
    "q04": "SELECT campaign_id, SUM(revenue) AS v FROM s.events GROUP BY campaign_id",
    "q05": "SELECT device, AVG(cost) AS v FROM s.events GROUP BY device",
    "q07": "SELECT MEDIAN(cost) AS v FROM s.events",
    "q08": "SELECT campaign_id, COUNT(*) AS v FROM s.events GROUP BY campaign_id",
    "q09": "SELECT CAST(event_time AS DATE) AS d, channel, COUNT(*) AS v FROM s.events GROUP BY CAST(event_time AS DATE), channel",
    "q10": "SELECT n AS bucket, COUNT(*) AS v FROM (SELECT user_id, COUNT(*) AS n FROM s.events GROUP BY user_id) AS x GROUP BY n"}


class Cursor:
    """A DuckDB connection with the psycopg surface that SmartNoise's reader touches."""

    def __init__(self, connection):
        self.connection = connection

    def cursor(self):
        return self

    def execute(self, sql):
        # DuckDB refuses a volatile ORDER BY in a window: the number is drawn one level below.
        head, tail = re.split(r"ORDER BY RANDOM *\( *\)", sql, maxsplit=1, flags=re.I)
        drawn = re.sub(r"FROM *\( *SELECT ", "FROM (SELECT RANDOM() AS rnd_, ", tail, count=1, flags=re.I)
        self.connection.execute(head + "ORDER BY rnd_" + drawn)

    @property
    def description(self):
        return self.connection.description

    def __iter__(self):
        return iter(self.connection.fetchall())

    def commit(self):
        pass

    rollback = commit


class SmartNoise(Engine):
    def metadata(self, q):
        whole = lambda low, high: {"type": "int", "lower": low, "upper": high}
        real = lambda low, high: {"type": "float", "lower": low, "upper": high}
        return {"": {"s": {"events": {
            "rows": 1, "max_ids": q.l0 * q.linf, "sample_max_ids": True, "censor_dims": not q.public, "clamp_counts": False,
            "user_id": {"type": "int", "private_id": True}, "event_time": {"type": "datetime"},
            "campaign_id": whole(1, 200), "channel": {"type": "string"}, "device": {"type": "string"},
            "country": {"type": "string"}, "cost": real(0.0, 5.0), "clicked": whole(0, 1), "converted": whole(0, 1),
            "revenue": real(0.0, 500.0)}}}}

    def setup(self, query):
        warnings.filterwarnings("ignore")
        if query.id == "q06":
            raise Refused("joins are disabled")
        import snsql
        connection = duckdb_connection(self.folder)
        connection.execute("CREATE SCHEMA s; CREATE VIEW s.events AS SELECT * FROM main.events")
        self.sql = SQL[query.id]
        try:
            self.reader = snsql.from_connection(Cursor(connection), privacy=snsql.Privacy(epsilon=EPSILON, delta=DELTA),
                                                metadata=self.metadata(query), engine="postgres")
            epsilon = EPSILON
            for _ in range(20):
                self.reader.privacy.epsilon = epsilon
                cost = self.reader.get_privacy_cost(self.sql)[0]
                if abs(cost - EPSILON) < 1e-6:
                    break
                epsilon *= EPSILON / cost
        except Exception as e:
            raise Refused(f"{type(e).__name__}: {e}")

    def run(self, query):
        return [tuple(row) for row in self.reader.execute(self.sql)[1:]]


ENGINES = {"smartnoise-duckdb": SmartNoise}

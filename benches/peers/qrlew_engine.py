"""Qrlew rewrites SQL to SQL; DuckDB runs it and draws the noise.

Qrlew takes a table's size as public; the real one is given. 200 declared campaigns are not taken as public keys.
"""
import json
import math
import re
import uuid
from base import Engine, Refused, duckdb_connection
from queries import BUCKET, DELTA, EPSILON, REVENUE

DDL = {
    "events": "user_id bigint, event_time timestamp, campaign_id int, channel text, device text, country text, "
              "cost float, clicked int, converted int, revenue float",
    "users": "user_id bigint primary key, age int, gender text, signup_date date, segment text, treatment int, baseline_spend float"}
SQL = {
    "q06": "SELECT u.segment AS segment, u.treatment AS treatment, SUM(e.converted) AS v FROM events AS e JOIN users AS u "
           "ON e.user_id = u.user_id GROUP BY u.segment, u.treatment",
    "q09": "SELECT EXTRACT(DAY FROM event_time) AS day, channel, COUNT(*) AS v FROM events GROUP BY EXTRACT(DAY FROM event_time), channel",
    "q10": "SELECT bucket, COUNT(*) AS v FROM (SELECT " + re.sub(r"THEN (\d+)", r"THEN '\1'", BUCKET) +
           " AS bucket FROM (SELECT user_id, COUNT(*) AS n FROM events GROUP BY user_id) AS t) AS b GROUP BY bucket"}
RANGES = [("events", "cost", 0., 5.), ("events", "revenue", 0., 500.), ("events", "clicked", 0, 1),
          ("events", "converted", 0, 1), ("users", "treatment", 0, 1), ("users", "age", 18, 90)]


class Qrlew(Engine):
    def setup(self, query):
        if query.id == "q07":
            raise Refused("MEDIAN panics: not yet implemented")
        self.connection = duckdb_connection(self.folder)

    def rewrite(self, q):
        import pyqrlew as qrlew
        import sqlalchemy as sa
        sqlite = sa.create_engine("sqlite://")
        with sqlite.begin() as c:
            for table, columns in DDL.items():
                c.execute(sa.text(f"CREATE TABLE {table} ({columns})"))
                c.execute(sa.text(f"INSERT INTO {table}(user_id) VALUES (1)"))
        data = qrlew.Dataset.from_database("d", sqlite)
        spec = {"@type": "sarus_data_spec/sarus_data_spec.Dataset", "uuid": json.loads(data.schema)["dataset"], "name": "Transformed",
                "properties": {}, "doc": "",
                "spec": {"transformed": {"transform": uuid.uuid4().hex, "arguments": [], "named_arguments": {}}}}
        size = re.sub(r'("size"\s*:\s*)"?1"?(?=\D)', rf'\g<1>"{self.row_count}"', data.size)
        data = qrlew.Dataset.from_str(json.dumps(spec), data.schema, size)
        for table, column, low, high in RANGES:
            data = data.with_range(None, table, column, low, high)
        for key, values in q.domain.items() if q.public else []:
            if key in ("channel", "device", "country", "segment"):
                table = "users" if key == "segment" else "events"
                data = data.with_possible_values(None, table, key, [str(v) for v in values])
        relation = data.relation(SQL.get(q.id, q.exact.replace(REVENUE, "revenue")), qrlew.Dialect.PostgreSql)
        private = relation.rewrite_with_differential_privacy(
            data, [("events", [], "user_id"), ("users", [], "user_id")], {"epsilon": EPSILON, "delta": DELTA},
            max_multiplicity=max(1.0, q.linf * math.sqrt(q.l0)), max_multiplicity_share=1.0, max_privacy_unit_groups=q.l0)
        return private.relation().to_query(qrlew.Dialect.PostgreSql)

    def run(self, query):
        try:
            sql = self.rewrite(query)
        except BaseException as e:  # it panics
            raise Refused(f"{type(e).__name__}: {e}")
        rows = self.connection.execute(sql).fetchall()
        if query.id == "q09":
            rows = [(f"2026-01-{int(day):02d}", channel, v) for day, channel, v in rows]
        return rows


ENGINES = {"qrlew-duckdb": Qrlew}

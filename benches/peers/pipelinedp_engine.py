"""PipelineDP on its local backend: Python rows, one core. Loading the rows is not timed, joins are the caller's."""
from collections import Counter
from base import Engine, duckdb_connection
from queries import BUCKETS, DELTA, EPSILON

COLUMNS = {"q01": ("0", "0"), "q02": ("campaign_id", "0"), "q03": ("(channel, country)", "0"), "q04": ("campaign_id", "revenue"),
           "q05": ("device", "cost"), "q06": ("(segment, treatment)", "converted"), "q07": ("0", "cost"), "q08": ("campaign_id", "0"),
           "q09": ("(CAST(CAST(event_time AS DATE) AS VARCHAR), channel)", "0"), "q10": ("0", "0")}


class PipelineDP(Engine):
    def setup(self, query):
        key, value = COLUMNS[query.id]
        source = "events JOIN users USING (user_id)" if query.id == "q06" else "events"
        self.data = duckdb_connection(self.folder).execute(f"SELECT user_id, {key}, {value} FROM {source}").fetchall()

    def run(self, q):
        import pipeline_dp as pdp
        metrics, bounds, data = pdp.Metrics, {}, self.data
        metric = metrics.COUNT
        if q.id in ("q03", "q10"):
            metric = metrics.PRIVACY_ID_COUNT
        elif q.id in ("q04", "q06"):
            metric = metrics.SUM
            bounds = dict(min_sum_per_partition=0.0, max_sum_per_partition=500.0 if q.id == "q04" else 3.0)
        elif q.id in ("q05", "q07"):
            metric = metrics.MEAN if q.id == "q05" else metrics.PERCENTILE(50)
            bounds = dict(min_value=q.low, max_value=q.high)
        if q.id == "q10":
            rows = Counter(row[0] for row in data)
            data = [(user, max(b for b in BUCKETS if b <= n), 0) for user, n in rows.items()]
        public = None
        if q.public:
            lists = [q.domain[k] for k in q.keys]
            public = [0] if not lists else lists[0] if len(lists) == 1 else [(a, b) for a in lists[0] for b in lists[1]]
        accountant = pdp.NaiveBudgetAccountant(total_epsilon=EPSILON, total_delta=DELTA)
        engine = pdp.DPEngine(accountant, pdp.LocalBackend())
        params = pdp.AggregateParams(metrics=[metric], noise_kind=pdp.NoiseKind.LAPLACE, max_partitions_contributed=q.l0,
                                     max_contributions_per_partition=q.linf, **bounds)
        extractors = pdp.DataExtractors(privacy_id_extractor=lambda r: r[0], partition_extractor=lambda r: r[1],
                                        value_extractor=lambda r: r[2])
        result = engine.aggregate(data, params, extractors, public)
        accountant.compute_budgets()
        keys = lambda k: tuple(k) if isinstance(k, tuple) else (k,) if q.keys else ()
        return [keys(k) + (float(v[0]),) for k, v in result]


ENGINES = {"pipelinedp-local": PipelineDP}

"""OpenDP over Polars. Truncation by user is part of the measured plan.

truncate_num_groups(keep="sample") fails with the Polars that OpenDP pins (a duplicate field), so "first" is used:
the groups kept are the smallest keys. A join of two private tables is refused: the owner joins beforehand.
"""
import warnings
from base import Engine
from queries import BUCKETS, DELTA, EPSILON


class OpenDP(Engine):
    def setup(self, query):
        warnings.filterwarnings("ignore")
        import opendp.prelude as dp
        import polars as pl
        dp.enable_features("contrib")
        self.dp, self.pl = dp, pl
        self.frame = pl.scan_parquet(self.events)
        if query.id == "q06":
            users = pl.scan_parquet(self.users).select("user_id", "segment", "treatment")
            self.frame = self.frame.join(users, on="user_id", how="left")

    def query(self, delta=DELTA, **margin):
        dp = self.dp
        return dp.Context.compositor(
            data=self.frame, privacy_unit=dp.unit_of(contributions=1, identifier="user_id"),
            privacy_loss=dp.loss_of(epsilon=EPSILON, delta=delta), split_evenly_over=1,
            margins=[dp.polars.Margin(max_length=2 * self.row_count, **margin)]).query()

    def keys(self, query, **types):
        frame = None
        for key in query.keys:
            one = self.pl.LazyFrame({key: query.domain[key]}, schema={key: types.get(key, self.pl.String)})
            frame = one if frame is None else frame.join(one, how="cross")
        return frame

    def bound(self, context, query):
        by = list(query.keys)
        return context.truncate_per_group(query.linf, by=by).truncate_num_groups(query.l0, by=by, keep="first")

    def run(self, query):
        return getattr(self, query.id)(query)

    @staticmethod
    def rows(frame):
        return frame.release().collect().rows()

    def q01(self, q):
        return self.rows(self.query().truncate_per_group(q.linf).select(self.dp.len()))

    def q02(self, q):
        counts = self.bound(self.query(max_groups=200), q).group_by("campaign_id").agg(self.dp.len())
        return self.rows(counts.with_keys(self.keys(q, campaign_id=self.pl.Int32)))

    def q03(self, q):
        counts = self.bound(self.query(max_groups=180), q).group_by(*q.keys).agg(self.dp.len())
        return self.rows(counts.with_keys(self.keys(q)))

    def q04(self, q):
        pl = self.pl
        sums = (self.query(max_groups=200).truncate_num_groups(q.l0, by=["campaign_id"], keep="first")
                .group_by("user_id", "campaign_id").agg(pl.col("revenue").sum())
                .group_by("campaign_id").agg(pl.col("revenue").fill_nan(0.0).fill_null(0.0).dp.sum((q.low, q.high))))
        return self.rows(sums.with_keys(self.keys(q, campaign_id=pl.Int32)))

    def q05(self, q):
        pl, dp = self.pl, self.dp
        both = self.bound(self.query(max_groups=4), q).group_by("device").agg(
            pl.col("cost").fill_nan(0.0).fill_null(0.0).dp.sum((q.low, q.high)), dp.len())
        return [(device, s / max(n, 1)) for device, s, n in self.rows(both.with_keys(self.keys(q)))]

    def q06(self, q):
        pl = self.pl
        sums = (self.query(max_groups=24).truncate_num_groups(1 + q.l0, by=list(q.keys), keep="first")
                .group_by("user_id", *q.keys).agg(pl.col("converted").sum())
                .group_by(*q.keys).agg(pl.col("converted").fill_null(0).dp.sum((0, q.linf))))
        return self.rows(sums.with_keys(self.keys(q, treatment=pl.Int32)))

    def q07(self, q):
        grid = [round(i * 0.01, 2) for i in range(501)]
        cost = self.pl.col("cost").fill_nan(0.0).fill_null(0.0)
        return self.rows(self.query(delta=0.0).truncate_per_group(q.linf).select(cost.dp.median(grid)))

    def q08(self, q):
        return self.rows(self.bound(self.query(), q).group_by("campaign_id").agg(self.dp.len()))

    def q09(self, q):
        pl, dp = self.pl, self.dp
        # dt.date() is refused, dt.ordinal_day() is accepted.
        events = self.query(max_groups=180).with_columns(pl.col("event_time").dt.ordinal_day().alias("day"))
        counts = self.bound(events, q).group_by("day", "channel").agg(dp.len())
        days = pl.LazyFrame({"day": range(1, 31)}, schema={"day": pl.Int16})
        keys = days.join(pl.LazyFrame({"channel": q.domain["channel"]}), how="cross")
        return [(f"2026-01-{day:02d}", channel, n) for day, channel, n in self.rows(counts.with_keys(keys))]

    def q10(self, q):
        pl, dp = self.pl, self.dp
        names = [str(b) for b in BUCKETS]
        return self.rows(self.query().group_by("user_id").agg(pl.len().alias("n"))
                         .with_columns(pl.col("n").cut([b - 1 for b in BUCKETS[1:]], labels=names).alias("bucket"))
                         .group_by("bucket").agg(dp.len()))


ENGINES = {"opendp-polars": OpenDP}

"""The ten queries as the peers are asked them: exact SQL, SQL with the bounds written by hand, bounds, public keys.

`bounded` is the work that any engine which keeps its promise per user has to do: aggregate per user and group, clip
to `linf`, keep at most `l0` random groups of each user. No noise.
"""
from dataclasses import dataclass, field

EPSILON, DELTA = 1.0, 1e-7
BUCKETS = [1, 2, 3, 4, 5, 10, 20, 50, 100]
CHANNELS = ["search", "social", "display", "video", "email", "affiliate"]
DEVICES = ["mobile", "desktop", "tablet", "tv"]
COUNTRIES = ["US", "GB", "DE", "FR", "IN", "BR", "JP", "CA", "AU", "ES", "IT", "NL", "SE", "PL", "MX",
             "KR", "ID", "TR", "ZA", "AR", "CL", "CO", "BE", "CH", "AT", "DK", "NO", "FI", "PT", "IE"]
SEGMENTS = [f"seg_{i:02d}" for i in range(12)]
DAYS = [f"2026-01-{d:02d}" for d in range(1, 31)]
CAMPAIGNS = list(range(1, 201))
BUCKET = "CASE " + " ".join(f"WHEN n >= {b} THEN {b}" for b in reversed(BUCKETS)) + " END"
DAY = "CAST(event_time AS DATE)"
REVENUE = "LEAST(GREATEST(revenue, 0.0), 500.0)"


@dataclass(frozen=True)
class Query:
    id: str
    keys: tuple
    exact: str
    bounded: str
    l0: int
    linf: int
    low: float = 0.0
    high: float = 1.0
    public: bool = True
    domain: dict = field(default_factory=dict)


def keep(inner, l0, columns, aggregate):
    """At most l0 random groups of each user of `inner`, then the aggregate."""
    keys = ", ".join(columns)
    return (f"SELECT {keys}, {aggregate} AS v FROM (SELECT *, row_number() OVER (PARTITION BY user_id ORDER BY u) AS rn "
            f"FROM (SELECT *, random() AS u FROM ({inner}) AS g) AS h) AS r WHERE rn <= {l0} GROUP BY {keys}")


BY_CAMPAIGN = "SELECT campaign_id, COUNT(*) AS v FROM events GROUP BY campaign_id"
BY_CAMPAIGN_BOUNDED = keep(
    "SELECT user_id, campaign_id, LEAST(COUNT(*), 10) AS n FROM events GROUP BY user_id, campaign_id", 5, ["campaign_id"], "SUM(n)")
HISTOGRAM = (f"SELECT bucket, COUNT(*) AS v FROM (SELECT {BUCKET} AS bucket FROM (SELECT user_id, COUNT(*) AS n FROM events "
             "GROUP BY user_id) AS t) AS b GROUP BY bucket")

QUERIES = {q.id: q for q in [
    Query("q01", (), "SELECT COUNT(*) AS v FROM events",
          "SELECT SUM(LEAST(n, 50)) AS v FROM (SELECT user_id, COUNT(*) AS n FROM events GROUP BY user_id) AS t", 1, 50),
    Query("q02", ("campaign_id",), BY_CAMPAIGN, BY_CAMPAIGN_BOUNDED, 5, 10, domain={"campaign_id": CAMPAIGNS}),
    Query("q03", ("channel", "country"),
          "SELECT channel, country, COUNT(DISTINCT user_id) AS v FROM events GROUP BY channel, country",
          keep("SELECT DISTINCT user_id, channel, country FROM events", 5, ["channel", "country"], "COUNT(*)"),
          5, 1, domain={"channel": CHANNELS, "country": COUNTRIES}),
    Query("q04", ("campaign_id",), f"SELECT campaign_id, SUM({REVENUE}) AS v FROM events GROUP BY campaign_id",
          keep(f"SELECT user_id, campaign_id, LEAST(SUM({REVENUE}), 500.0) AS s FROM events GROUP BY user_id, campaign_id",
               5, ["campaign_id"], "SUM(s)"), 5, 1, 0.0, 500.0, domain={"campaign_id": CAMPAIGNS}),
    Query("q05", ("device",), "SELECT device, AVG(cost) AS v FROM events GROUP BY device",
          keep("SELECT user_id, device, COUNT(*) AS n, AVG(LEAST(GREATEST(cost, 0.0), 5.0)) AS m FROM events GROUP BY user_id, device",
               2, ["device"], "SUM(m * LEAST(n, 20)) / SUM(LEAST(n, 20))"), 2, 20, 0.0, 5.0, domain={"device": DEVICES}),
    Query("q06", ("segment", "treatment"),
          "SELECT u.segment, u.treatment, SUM(e.converted) AS v FROM events e JOIN users u ON e.user_id = u.user_id "
          "GROUP BY u.segment, u.treatment",
          "SELECT u.segment, u.treatment, SUM(e.c) AS v FROM (SELECT user_id, LEAST(SUM(converted), 3) AS c FROM events "
          "GROUP BY user_id) AS e JOIN users u ON e.user_id = u.user_id GROUP BY u.segment, u.treatment",
          1, 3, domain={"segment": SEGMENTS, "treatment": [0, 1]}),
    Query("q07", (), "SELECT MEDIAN(cost) AS v FROM events",
          "SELECT MEDIAN(cost) AS v FROM (SELECT cost, row_number() OVER (PARTITION BY user_id ORDER BY u) AS rn "
          "FROM (SELECT user_id, cost, random() AS u FROM events) AS h) AS t WHERE rn <= 10", 1, 10, 0.0, 5.0),
    Query("q08", ("campaign_id",), BY_CAMPAIGN, BY_CAMPAIGN_BOUNDED + " HAVING COUNT(*) >= 90", 5, 10, public=False),
    Query("q09", ("day", "channel"),
          f"SELECT {DAY} AS day, channel, COUNT(*) AS v FROM events GROUP BY {DAY}, channel",
          keep(f"SELECT user_id, {DAY} AS day, channel, LEAST(COUNT(*), 3) AS n FROM events GROUP BY user_id, {DAY}, channel",
               10, ["day", "channel"], "SUM(n)"), 10, 3, domain={"day": DAYS, "channel": CHANNELS}),
    Query("q10", ("bucket",), HISTOGRAM, HISTOGRAM, 1, 1, domain={"bucket": BUCKETS}),
]}

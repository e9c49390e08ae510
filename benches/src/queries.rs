//! The ten queries as a researcher writes them for us. The peers' forms are in `peers/queries.py`, under the same names.

/// One query of the benchmark.
pub(crate) struct Query {
    /// `q01` to `q10`.
    pub(crate) id: &'static str,
    /// In words.
    pub(crate) title: &'static str,
    /// Our SQL.
    pub(crate) sql: &'static str,
    /// L0: groups a user may count in.
    pub(crate) max_groups: u32,
    /// Rows of a user that count in a group.
    pub(crate) max_rows: u32,
    /// Whether campaigns are declared.
    pub(crate) campaigns_declared: bool,
}

const BUCKETS: &str = "SELECT bucket, COUNT(*) AS v FROM (SELECT CASE WHEN n >= 100 THEN 100 WHEN n >= 50 THEN 50 \
    WHEN n >= 20 THEN 20 WHEN n >= 10 THEN 10 WHEN n >= 5 THEN 5 WHEN n >= 4 THEN 4 WHEN n >= 3 THEN 3 \
    WHEN n >= 2 THEN 2 ELSE 1 END AS bucket FROM (SELECT user_id, COUNT(*) AS n FROM events GROUP BY user_id) AS t) AS b \
    GROUP BY bucket";

/// The ten.
pub(crate) const QUERIES: [Query; 10] = [
    query("q01", "total count", "SELECT COUNT(*) AS v FROM events", 1, 50),
    query("q02", "count by campaign", "SELECT campaign_id, COUNT(*) AS v FROM events GROUP BY campaign_id", 5, 10),
    query(
        "q03",
        "distinct users by channel, country",
        "SELECT channel, country, COUNT(DISTINCT user_id) AS v FROM events GROUP BY channel, country",
        5,
        1,
    ),
    query(
        "q04",
        "sum(revenue) by campaign",
        "SELECT campaign_id, SUM(revenue, contribution_bounds_per_group => (0, 500)) AS v FROM events \
        GROUP BY campaign_id",
        5,
        1,
    ),
    query("q05", "avg(cost) by device", "SELECT device, AVG(cost) AS v FROM events GROUP BY device", 2, 20),
    query(
        "q06",
        "conversions by segment, treatment (join)",
        "SELECT u.segment, u.treatment, SUM(e.converted, contribution_bounds_per_group => (0, 3)) AS v \
        FROM events AS e JOIN users AS u ON e.user_id = u.user_id GROUP BY u.segment, u.treatment",
        1,
        3,
    ),
    query("q07", "median(cost)", "SELECT MEDIAN(cost) AS v FROM events", 1, 10),
    Query {
        campaigns_declared: false,
        ..query(
            "q08",
            "count by campaign, keys private",
            "SELECT campaign_id, COUNT(*) AS v FROM events GROUP BY campaign_id",
            5,
            10,
        )
    },
    query(
        "q09",
        "count by day, channel",
        "SELECT CAST(event_time AS DATE) AS day, channel, COUNT(*) AS v FROM events \
        GROUP BY CAST(event_time AS DATE), channel",
        10,
        3,
    ),
    query("q10", "users by number of rows (per-user subquery)", BUCKETS, 1, 1),
];

const fn query(id: &'static str, title: &'static str, sql: &'static str, max_groups: u32, max_rows: u32) -> Query {
    Query { id, title, sql, max_groups, max_rows, campaigns_declared: true }
}

/// A query by its name.
pub(crate) fn by_id(id: &str) -> Result<&'static Query, String> {
    QUERIES.iter().find(|q| q.id == id).ok_or_else(|| format!("there is no query {id}"))
}

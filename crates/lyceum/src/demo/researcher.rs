//! Second journey: the researcher asks. Prices first, then answers with intervals, a free repeat, and refusals.

use super::cast::{Cast, WORKSPACE};
use super::voice::{act, say, shows, types};
use crate::client::Client;
use crate::command;
use crate::failure::{Failure, Outcome};
use crate::render;
use lyceum_schema::name::WorkspaceName;
use lyceum_schema::wire::{self, QueryAnswer, QueryRequest, QueryResponse};

const REACH: &str = "SELECT channel, COUNT(DISTINCT user_id) AS people, COUNT(*) AS contacts\nFROM events WHERE kind = 'impression' GROUP BY channel ORDER BY people DESC";
const LIFT: &str = "SELECT arm, COUNT(*) AS people, AVG(CASE WHEN conversions > 0 THEN 1 ELSE 0 END) AS buyers\nFROM users GROUP BY arm";
const SITES: &str =
    "SELECT site, COUNT(DISTINCT user_id) AS people\nFROM events GROUP BY site ORDER BY people DESC LIMIT 8";
const COST: &str =
    "SELECT device, AVG(cost) AS cost_eur\nFROM events WHERE kind = 'impression' GROUP BY device HAVING COUNT(*) > 500";

/// Plays the journey; returns how many answers were paid for.
pub(super) async fn asks(cast: &Cast) -> Outcome<u64> {
    let me = &cast.researcher;
    act("The researcher looks before asking");
    types("lyceum catalog -w ads-lift");
    let catalog: wire::Catalog = me.get(&format!("/v1/workspaces/{WORKSPACE}/catalog")).await?;
    for table in &catalog.tables {
        let columns: Vec<_> = table.columns.iter().map(|c| c.name.as_str()).collect();
        say(&format!("{}.{} ({}): {}", table.schema.as_str(), table.name, table.privacy_unit, columns.join(", ")));
    }
    say("The catalogue has types, bounds and lists from the manifest. It has no counts: those would be data.");

    types(&format!("lyceum explain \"{LIFT}\""));
    let explained = ask(me, LIFT, true, false).await?;
    if let QueryResponse::Explanation(explanation) = &explained {
        shows(&render::explanation::words(explanation));
    }

    act("On made-up rows first");
    let tried = answer(me, &LIFT.replace("FROM users", "FROM mock.users"), false).await?;
    if tried.price.is_some() {
        return Err(Failure::local(
            "E9032",
            "a question about mock rows was charged",
            "report this: it should be free",
        ));
    }
    say(
        "The query runs and has the columns it should have; its numbers are made up. It was free. Now the same text on the",
    );
    say("real rows: without a schema, users is the best there is, here protected.users.");

    act("Does the campaign work?");
    let lift = answer(me, LIFT, false).await?;
    lift_in_words(&lift);
    let mut paid = 1;

    act("The same question again");
    let again = answer(me, &format!("{LIFT} ORDER BY arm DESC"), false).await?;
    if !again.repeated {
        return Err(Failure::local("E9032", "a repeated question was charged again", "report this: it should be free"));
    }
    say("Another ORDER BY is the same question to the people in the data: same noise, no charge.");

    act("More questions");
    for sql in [REACH, COST, SITES] {
        answer(me, sql, false).await?;
        paid += 1;
    }
    say("No list of sites is public, so a site is shown only if enough people were there, counted with noise;");
    say("what stays below the threshold is in the last row, so that nothing is hidden.");

    act("What is refused");
    refused(me, "SELECT * FROM users").await?;
    refused(me, "SELECT a.site FROM events a JOIN events b ON a.site = b.site").await?;
    refused(me, "COPY users TO 'rows.csv'").await?;
    let greedy = "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 50) COUNT(*) AS n FROM users";
    refused(me, greedy).await?;

    act("Until the budget is used up");
    say("Asking for new noise (--fresh) costs again each time. The ledger stops it:");
    types(
        "while lyceum query --fresh \"SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1) COUNT(*) AS n FROM users\"; do :; done",
    );
    let expensive = "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1) COUNT(*) AS n FROM users";
    for _ in 0..50 {
        match ask(me, expensive, false, true).await {
            Ok(_) => paid += 1,
            Err(failure @ Failure::Refused { .. }) => {
                shows(&failure.to_string());
                types("lyceum budget show");
                let budget: wire::WorkspaceBudget = me.get(&format!("/v1/workspaces/{WORKSPACE}/budget")).await?;
                for population in &budget.populations {
                    shows(&render::budget::population(population));
                }
                return Ok(paid);
            }
            Err(other) => return Err(other),
        }
    }
    Err(Failure::local("E9032", "the budget was never used up", "report this: the ledger should have stopped it"))
}

async fn ask(client: &Client, sql: &str, dry_run: bool, fresh: bool) -> Outcome<QueryResponse> {
    let workspace = WorkspaceName::new(WORKSPACE).map_err(|e| Failure::local("E9031", e.to_string(), "report this"))?;
    let request = QueryRequest { sql: sql.to_owned(), dry_run, fresh };
    command::query::post(client, &workspace, &request).await.map_err(|f| f.with_sql(sql))
}

async fn answer(client: &Client, sql: &str, fresh: bool) -> Outcome<QueryAnswer> {
    types(&format!("lyceum query \"{sql}\""));
    match ask(client, sql, false, fresh).await? {
        QueryResponse::Answer(answer) => {
            shows(&render::answer::table(&answer));
            Ok(*answer)
        }
        QueryResponse::Explanation(_) => {
            Err(Failure::local("E9032", "a price came back instead of an answer", "report this"))
        }
    }
}

async fn refused(client: &Client, sql: &str) -> Outcome {
    types(&format!("lyceum query \"{sql}\""));
    match ask(client, sql, false, false).await {
        Err(failure @ Failure::Refused { .. }) => {
            shows(&failure.to_string());
            Ok(())
        }
        Err(other) => Err(other),
        Ok(_) => Err(Failure::local("E9032", format!("this was answered: {sql}"), "report this: it must be refused")),
    }
}

/// The lift with its interval, computed from the two released rates as anybody could.
fn lift_in_words(answer: &QueryAnswer) {
    let position = |name: &str| answer.columns.iter().position(|c| c.name == name);
    let (Some(arm), Some(rate)) = (position("arm"), position("buyers")) else { return };
    let of = |name: &str| {
        answer.rows.iter().zip(&answer.estimate_intervals).find(|(row, _)| row[arm] == name).and_then(
            |(row, intervals)| {
                let interval = intervals[rate]?;
                Some((row[rate].as_f64()?, (interval.high - interval.low) / 2.0))
            },
        )
    };
    if let (Some((treated, a)), Some((control, b))) = (of("treatment"), of("control")) {
        let half = a.hypot(b);
        let verdict = if (treated - control).abs() > half { "so it works" } else { "so this alone does not settle it" };
        say(&format!(
            "Lift: {:+.2} ± {:.2} percentage points of buyers (95 %, noise and sampling together), {verdict}.",
            (treated - control) * 100.0,
            half * 100.0
        ));
    }
}

//! The three journeys as the guide tells them, through the command line only: an operator, a partner, a researcher
//! and a reviewer, each at a shell of their own, on a file shaped like the public e-mail experiment.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use lyceum_schema::wire::{QueryAnswer, QueryResponse, WorkspaceBudget};
use lyceum_tests::binary::repository;
use lyceum_tests::cli::Shell;
use lyceum_tests::folder;
use lyceum_tests::hillstrom::{ARMS, Hillstrom, generate};
use lyceum_tests::server::Server;
use serde_json::Value;
use std::path::{Path, PathBuf};

const RATES: &str = "SELECT segment, COUNT(*) AS people, AVG(visit) AS visits FROM hillstrom GROUP BY segment";
const SALES: &str =
    "SELECT segment, AVG(conversion) AS conversions, SUM(spend) AS spend FROM hillstrom GROUP BY segment";

#[test]
fn a_partner_shares_a_researcher_asks_a_reviewer_verifies() {
    let server = Server::start();
    let folder = server.folder().to_owned();
    let hillstrom = generate(6_000);
    std::fs::write(folder.join("hillstrom.csv"), &hillstrom.csv).unwrap();

    let people = operator(&server);
    let release = partner(&people);
    reviewer_approves(&people, &release);
    researcher(&people, &folder, &hillstrom);
    reviewer_verifies(&people, &folder);
}

/// The shells of everybody but the operator.
struct People {
    steward: Shell,
    scholar: Shell,
    examiner: Shell,
}

fn operator(server: &Server) -> People {
    let folder = server.folder();
    let url = server.address().url();
    let admin = Shell::new(folder, "admin");
    admin.ok(&["login", &url, "--token-file", "home/admin.token"]);
    let cast = [
        ("steward", "minethatdata", "partner"),
        ("scholar", "university", "researcher"),
        ("examiner", "ethics-board", "reviewer"),
    ];
    admin.ok(&["workspace", "create", "mail-lift", "--purpose", "lift of e-mail campaigns"]);
    let [steward, scholar, examiner] = cast.map(|(name, organisation, role)| {
        admin.ok(&["user", "create", name, "--organisation", organisation, "--role", role]);
        let file = format!("{name}.token");
        admin.ok(&["token", "create", name, "--out", &file]);
        admin.ok(&["workspace", "add-member", "mail-lift", name, "--role", role]);
        let shell = Shell::new(folder, name);
        shell.ok(&["login", &url, "--token-file", &file, "-w", "mail-lift"]);
        let me = shell.json(&["whoami"]);
        assert_eq!(me["user"]["role"], role);
        shell
    });
    let refused = admin.refused(&["query", "-w", "mail-lift", "SELECT COUNT(*) FROM hillstrom"]);
    assert!(refused.contains("error[E4003]"), "the administrator asks no questions: {refused}");
    People { steward, scholar, examiner }
}

fn partner(people: &People) -> String {
    let steward = &people.steward;
    let datasets = repository().join("datasets").join("hillstrom");
    let (manifest, policy) = (path(&datasets, "manifest.toml"), path(&datasets, "policy.toml"));

    steward.ok(&[
        "dataset",
        "draft",
        "hillstrom.csv",
        "--name",
        "hillstrom",
        "--owner",
        "minethatdata",
        "-o",
        "draft.toml",
    ]);
    steward.ok(&["dataset", "check", &manifest]);
    steward.ok(&["population", "create", "mtd-customers", "--epsilon", "1", "--delta", "1e-7", "--size", "64000"]);
    steward.ok(&["dataset", "create", &manifest]);
    let uploaded = steward.json(&["dataset", "upload", "hillstrom", "hillstrom.csv"]);
    assert_eq!(uploaded["version"]["state"], "published", "{uploaded}");
    assert_eq!(uploaded["reports"][0]["rows_accepted"], 6_000, "{uploaded}");
    assert_eq!(uploaded["reports"][0]["rows_rejected"], 0, "{uploaded}");
    let proposed = steward.json(&["release", "propose", "hillstrom", "--workspace", "mail-lift", "--policy", &policy]);
    assert_eq!(proposed["state"], "proposed");

    let early = people.scholar.refused(&["query", RATES]);
    assert!(early.contains("error[E2106]"), "nothing can be asked before it is approved: {early}");
    proposed["id"].as_str().unwrap().to_owned()
}

fn reviewer_approves(people: &People, release: &str) {
    let own = people.steward.refused(&["release", "approve", release, "--reason", "it is mine"]);
    assert!(own.contains("error[E4003]"), "a partner does not approve: {own}");
    let approved = people.examiner.json(&["release", "approve", release, "--reason", "purpose and budget fit"]);
    assert_eq!(approved["state"], "active");
}

fn researcher(people: &People, folder: &Path, hillstrom: &Hillstrom) {
    let scholar = &people.scholar;
    let catalog = scholar.json(&["catalog"]);
    assert_eq!(catalog["tables"][0]["name"], "hillstrom");
    assert!(!catalog.to_string().contains("6000") && !catalog.to_string().contains("6,000"), "no counts: {catalog}");

    let explained = scholar.ok(&["explain", RATES]);
    assert!(explained.contains("can be answered") && explained.contains("nothing was spent"), "{explained}");
    assert_eq!(spent(scholar), (0, 0));

    let shown = scholar.ok(&["query", RATES]);
    for text in ["No E-Mail", "±", "price", "receipt"] {
        assert!(shown.contains(text), "no {text:?} in\n{shown}");
    }
    let (rho, charges) = spent(scholar);
    assert!(rho > 0 && charges == 1);

    let rates = answer(scholar, RATES);
    let sales = answer(scholar, SALES);
    assert!(rates.repeated && !sales.repeated);
    let exact = |cell: fn(&lyceum_tests::hillstrom::Exact) -> f64| ARMS.map(|arm| (arm, cell(&hillstrom.exact[arm])));
    let noisy = [
        near(&rates, "people", &exact(|e| f64::from(e.people))),
        near(&rates, "visits", &exact(|e| e.visit_rate())),
        near(&sales, "conversions", &exact(|e| e.conversion_rate())),
        near(&sales, "spend", &exact(|e| e.spend())),
    ];
    assert!(noisy.concat().iter().any(|distance| *distance > 0.0), "there is no noise at all");

    let before = spent(scholar);
    every_format(scholar, folder, &rates);
    let reordered = answer(scholar, &format!("{RATES} ORDER BY people DESC LIMIT 2"));
    assert!(reordered.repeated && reordered.rows.len() == 2, "other order, same question");
    let again = answer(scholar, RATES);
    assert!(again.repeated && again.rows == rates.rows && again.noise_intervals == rates.noise_intervals);
    let entry = |a: &QueryAnswer| a.receipt.as_ref().unwrap().entry;
    assert_eq!(entry(&again), entry(&rates), "a repeat has the original's place in the log");
    let total = answer(
        scholar,
        "SELECT SUM(n) AS people FROM (SELECT segment, COUNT(*) AS n FROM hillstrom GROUP BY segment) q",
    );
    let derived = answer(scholar, "SELECT COUNT(*) AS people FROM hillstrom");
    assert!(derived.repeated && derived.rows == total.rows, "a total over released groups");
    assert_eq!(entry(&derived), entry(&rates), "with the place in the log of what it comes from");
    assert_eq!(spent(scholar), before, "repeats are free, and so is what follows from them");

    let raw = scholar.refused(&["query", "SELECT * FROM hillstrom"]);
    assert!(raw.contains("error[E2") && raw.contains("nothing was charged") && raw.contains("try"), "{raw}");
    let greedy = "SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon = 1) COUNT(*) AS n FROM hillstrom";
    let greedy = scholar.refused(&["query", greedy]);
    assert!(greedy.contains("error[E3002]"), "{greedy}");
    assert_eq!(spent(scholar), before, "refusals are free");
    let history = scholar.json(&["budget", "show", "--answers"]);
    assert_eq!(history["items"].as_array().unwrap().len(), 2, "{history}");
}

fn every_format(scholar: &Shell, folder: &Path, answer: &QueryAnswer) {
    let people: Vec<(String, i64)> =
        answer.rows.iter().map(|row| (row[0].as_str().unwrap().to_owned(), row[1].as_i64().unwrap())).collect();

    let csv = scholar.ok(&["query", "--format", "csv", RATES]);
    let mut lines = csv.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let header = lines.next().unwrap();
    let (arm, n) = (position(&header, "segment"), position(&header, "people"));
    assert!(header.iter().any(|name| name.contains("people") && name.contains("low")), "intervals: {header:?}");
    assert_eq!(lines.map(|l| (l[arm].to_owned(), l[n].parse().unwrap())).collect::<Vec<_>>(), people);

    let ndjson = scholar.ok(&["query", "--format", "ndjson", RATES]);
    let objects: Vec<Value> = ndjson.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |o: &Value| (o["segment"].as_str().unwrap().to_owned(), o["people"].as_i64().unwrap());
    assert_eq!(objects.iter().map(of).collect::<Vec<_>>(), people);

    scholar.ok(&["query", "--format", "arrow", "-o", "answer.arrow", RATES]);
    let bytes = std::fs::read(folder.join("answer.arrow")).unwrap();
    let reader = arrow::ipc::reader::StreamReader::try_new(bytes.as_slice(), None).unwrap();
    assert_eq!(column(reader.map(Result::unwrap)), people);

    let on_terminal = scholar.refused(&["query", "--format", "parquet", RATES]);
    assert!(on_terminal.contains("-o FILE"), "{on_terminal}");
    scholar.ok(&["query", "--format", "parquet", "-o", "answer.parquet", RATES]);
    let file = std::fs::File::open(folder.join("answer.parquet")).unwrap();
    let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReader::try_new(file, 1024).unwrap();
    assert_eq!(column(reader.map(Result::unwrap)), people);

    std::fs::write(folder.join("question.sql"), RATES).unwrap();
    scholar.ok(&["query", "--format", "json", "-f", "question.sql", "-o", "answer.json"]);
    let text = std::fs::read_to_string(folder.join("answer.json")).unwrap();
    let QueryResponse::Answer(from_file) = serde_json::from_str(&text).unwrap() else { panic!("a price: {text}") };
    assert_eq!(from_file.rows, answer.rows);
}

fn reviewer_verifies(people: &People, folder: &Path) {
    let (examiner, scholar) = (&people.examiner, &people.scholar);
    examiner.ok(&["audit", "export", "early"]);
    let words = examiner.ok(&["audit", "verify", "early", "--save", "saved.checkpoint"]);
    assert!(words.contains("2 charges: 2 answered"), "{words}");
    assert!(words.contains("budgets recomputed"), "{words}");

    scholar.ok(&["query", "SELECT COUNT(*) AS n FROM hillstrom WHERE newbie = 1"]);
    examiner.ok(&["audit", "export", "late"]);
    let words = examiner.ok(&["audit", "verify", "late", "--saved", "saved.checkpoint", "--save", "saved.checkpoint"]);
    assert!(words.contains("3 charges: 3 answered") && words.contains("consistent with the checkpoint"), "{words}");
    let rolled_back = examiner.refused(&["audit", "verify", "early", "--saved", "saved.checkpoint"]);
    assert!(rolled_back.contains("rolled back"), "{rolled_back}");

    let entries = folder::files(&folder.join("late/tile/entries"));
    let hashes = folder::files(&folder.join("late/tile/0"));
    for (file, place) in
        [(&entries[0], "entry "), (&hashes[0], "tile"), (&folder.join("late/checkpoint"), "checkpoint")]
    {
        let relative = file.strip_prefix(folder.join("late")).unwrap();
        let forged = folder.join("forged");
        folder::copy(&folder.join("late"), &forged);
        let middle = usize::try_from(std::fs::metadata(file).unwrap().len() / 2).unwrap();
        folder::flip(&forged.join(relative), middle);
        let found = examiner.refused(&["audit", "verify", "forged"]);
        assert!(found.contains('✗') && found.contains(place), "{}: {found}", relative.display());
        std::fs::remove_dir_all(forged).unwrap();
    }

    let receipt = answer(scholar, RATES).receipt.unwrap();
    let entry = receipt.entry.to_string();
    scholar.ok(&["audit", "receipt", &entry, "-o", "answer.tlog-proof"]);
    let verify = ["audit", "verify", "--receipt", "answer.tlog-proof", "--key", "late/log.vkey"];
    assert!(scholar.ok(&verify).contains("query.answered"));
    std::fs::write(folder.join("answer.tlog-proof"), &receipt.text).unwrap();
    assert!(scholar.ok(&verify).contains(&format!("entry {entry}")));
    folder::flip(&folder.join("answer.tlog-proof"), receipt.text.len() / 2);
    scholar.refused(&verify);
}

fn path(folder: &Path, name: &str) -> String {
    PathBuf::from(folder).join(name).display().to_string()
}

fn answer(shell: &Shell, sql: &str) -> QueryAnswer {
    match serde_json::from_value(shell.json(&["query", sql])).unwrap() {
        QueryResponse::Answer(answer) => *answer,
        QueryResponse::Explanation(_) => panic!("a price came back"),
    }
}

/// ρ and number of charges of the root account.
fn spent(shell: &Shell) -> (u64, u64) {
    let budget: WorkspaceBudget = serde_json::from_value(shell.json(&["budget", "show"])).unwrap();
    let root = budget.populations[0].accounts.iter().find(|a| a.account == "root").unwrap();
    (root.rho_spent, root.charges)
}

/// Every value of a column lies within 6 standard deviations of the noise (1.96 of them are half a 95 % interval) of
/// what is true. Returns the distances.
fn near(answer: &QueryAnswer, column: &str, exact: &[(&str, f64)]) -> Vec<f64> {
    let names: Vec<_> = answer.columns.iter().map(|c| c.name.as_str()).collect();
    let at = position(&names, column);
    assert_eq!(answer.rows.len(), exact.len(), "every listed group is shown");
    let distance = |(arm, truth): &(&str, f64)| {
        let row = answer.rows.iter().position(|row| row[0] == *arm).unwrap();
        let value = answer.rows[row][at].as_f64().unwrap();
        let interval = answer.noise_intervals[row][at].unwrap();
        assert!(interval.low <= value && value <= interval.high, "{column}: {interval:?} does not hold {value}");
        let half = (interval.high - value).max(value - interval.low);
        let distance = (value - truth).abs();
        assert!(distance <= 6.0 / 1.96 * half, "{column} of {arm}: {value} is too far from {truth} for ± {half}");
        distance
    };
    exact.iter().map(distance).collect()
}

fn position(names: &[&str], name: &str) -> usize {
    names.iter().position(|n| *n == name).unwrap_or_else(|| panic!("no {name} in {names:?}"))
}

/// Segment and people of all rows.
fn column(batches: impl Iterator<Item = RecordBatch>) -> Vec<(String, i64)> {
    let mut rows = Vec::new();
    for batch in batches {
        let arms = arrow::compute::cast(batch.column_by_name("segment").unwrap(), &arrow::datatypes::DataType::Utf8);
        let arms = arms.unwrap();
        let people = batch.column_by_name("people").unwrap().as_primitive::<Int64Type>();
        let both = arms.as_string::<i32>().iter().flatten().map(str::to_owned).zip(people.values().iter().copied());
        assert_eq!(arms.null_count() + people.null_count(), 0);
        rows.extend(both);
    }
    rows
}

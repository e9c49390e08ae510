//! Homes that must not be served: older than what was signed, without their keys, or served already.

use lyceum_tests::folder;
use lyceum_tests::person::{Person, Question};
use lyceum_tests::server::Server;
use lyceum_tests::study::Study;
use std::path::{Path, PathBuf};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn a_database_older_than_the_signed_log_is_not_served() {
    let mut study = Study::ready().await;
    let question = Question::new("SELECT COUNT(*) AS n FROM customers");
    study.server.kill();
    let (home, old, new) = (study.server.home(), study.server.folder().join("old"), study.server.folder().join("new"));
    copy_database(&home, &old);
    study.server.restart();
    let answer = study.researcher.ask(&question).await;
    study.server.kill();

    copy_database(&home, &new);
    database(&home).iter().for_each(|file| std::fs::remove_file(file).unwrap());
    copy_database(&old, &home);
    let refusal = study.server.restart_in_vain();
    assert!(refusal.contains("error[E"), "restoring a backup must not give the budget back: {refusal}");

    database(&home).iter().for_each(|file| std::fs::remove_file(file).unwrap());
    copy_database(&new, &home);
    study.server.restart();
    assert!(study.researcher.ask(&question).await.repeated);
    assert_eq!(study.spent().await.rho_spent, answer.price.unwrap().rho);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_home_without_its_keys_or_with_a_changed_log_is_not_served() {
    let mut study = Study::ready().await;
    study.server.kill();
    let home = study.server.home();
    for key in ["master.key", "log.key"] {
        let (here, away) = (home.join(key), study.server.folder().join(key));
        std::fs::rename(&here, &away).unwrap();
        let refusal = study.server.restart_in_vain();
        assert!(refusal.contains("error[E") && refusal.contains(key), "{key}: {refusal}");
        std::fs::rename(&away, &here).unwrap();
    }
    let checkpoint = home.join("log/checkpoint");
    let honest = std::fs::read(&checkpoint).unwrap();
    folder::flip(&checkpoint, honest.len() / 2);
    let refusal = study.server.restart_in_vain();
    assert!(refusal.contains("error[E"), "{refusal}");
    std::fs::write(&checkpoint, honest).unwrap();
    study.server.restart();
    study.researcher.ask(&Question::new("SELECT COUNT(*) AS n FROM customers")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_process_serves_a_home_and_tokens_outlive_it() {
    let mut study = Study::ready().await;
    let refusal = study.server.rival();
    assert!(refusal.contains("error[E"), "{refusal}");
    let question = Question::new("SELECT COUNT(*) AS n FROM customers");
    let answer = study.researcher.ask(&question).await;
    study.server.restart();
    let again = study.researcher.ask(&question).await;
    assert!(again.repeated && again.rows == answer.rows, "stored answers outlive the process");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_start_that_was_killed_can_be_made_again() {
    for step in 0..10 {
        let mut server = Server::stillborn(Duration::from_millis(20 + 40 * step));
        server.restart();
        let admin = Person::new(server.address(), Some(server.admin_token()));
        let reply = admin.get("/v1/users").await;
        assert_eq!(reply.status, 200, "killed in step {step}, the administrator is locked out: {}", reply.text());
    }
}

/// The files of the database in a folder.
fn database(folder: &Path) -> Vec<PathBuf> {
    let all = folder::files(folder);
    all.into_iter().filter(|f| f.parent() == Some(folder) && f.to_string_lossy().contains("lyceum.db")).collect()
}

fn copy_database(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for file in database(from) {
        let target = to.join(file.file_name().unwrap());
        std::fs::copy(file, target).unwrap();
    }
}

//! The composition root: the only place that knows which adapter stands behind which port.
//!
//! [`start`] opens a home in the order that safety needs: lock and keys, database, log (refused when database and log
//! disagree), files, engine, recovery of what a killed process left, and only then the listener.

use crate::cli;
use crate::failure::{Failure, Outcome};
use crate::output::remark;
use crate::settings::Settings;
use crate::telemetry;
use crate::witnesses::OverHttp;
use lyceum_privacy::mechanism::LiveNoise;
use lyceum_query::engine::{Engine, EngineConfig};
use lyceum_schema::name::{OrganisationName, UserName};
use lyceum_server::Limits;
use lyceum_sharing::usecase;
use lyceum_sharing::{App, Config, Ports};
use lyceum_store::clock::SystemClock;
use lyceum_store::home::Home;
use lyceum_store::log::TileLog;
use lyceum_store::spool::EncryptedSpool;
use lyceum_store::sqlite::SqliteStore;
use lyceum_store::{StoreError, blob};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// The file in the home that holds the first administrator's token.
const ADMIN_TOKEN: &str = "admin.token";

/// How often expired uploads are looked for.
const SWEEP_EVERY: Duration = Duration::from_secs(600);

/// A server that runs in this process.
pub(crate) struct Running {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// File with the first administrator's token (written on first use of the home).
    pub(crate) admin_token: PathBuf,
    /// Whether this start made the home.
    pub(crate) first_run: bool,
    shutdown: oneshot::Sender<()>,
    server: JoinHandle<std::io::Result<()>>,
    log: Arc<TileLog>,
    store: Arc<SqliteStore>,
}

impl Running {
    /// Stops accepting, lets running requests end, signs a last checkpoint, closes the database.
    pub(crate) async fn stop(self) -> Outcome {
        let _ = self.shutdown.send(());
        let served = self.server.await.map_err(|_| broken("the server's task ended abnormally"))?;
        self.log.close().await.map_err(|e| broken(&e.to_string()))?;
        self.store.close().await;
        served.map_err(|e| broken(&e.to_string()))
    }
}

/// `lyceum serve`.
pub(crate) async fn serve(args: cli::Serve) -> Outcome {
    telemetry::start();
    let mut settings = Settings::read(args.settings.as_deref(), &args.home)?;
    if let Some(listen) = args.listen {
        settings.listen = listen;
    }
    let running = start(&args.home, &settings).await?;
    remark(&format!("lyceum listens on http://{}", running.address));
    remark(&format!("console          http://{}/console/", running.address));
    if running.first_run {
        remark("this home is new: the first administrator's token lies in");
        remark(&format!("  {}", running.admin_token.display()));
        remark(&format!(
            "next: lyceum login http://{} --token-file {}",
            running.address,
            running.admin_token.display()
        ));
        remark("keep master.key and log.key of the home safe and apart: without them nothing can be read or signed");
    }
    interrupted().await;
    remark("stopping: running requests may end");
    running.stop().await
}

/// Waits for Ctrl-C or a polite kill.
pub(crate) async fn interrupted() {
    let interrupt = tokio::signal::ctrl_c();
    match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = interrupt => {}
                _ = terminate.recv() => {}
            }
        }
        Err(_) => {
            let _ = interrupt.await;
        }
    }
}

/// Opens a home and serves it.
pub(crate) async fn start(home: &Path, settings: &Settings) -> Outcome<Running> {
    let home = Home::open_as(home, Some(&settings.log_origin)).map_err(unusable)?;
    let first_run = home.first_run();
    let store = Arc::new(SqliteStore::open(&home).await.map_err(unusable)?);
    let clock = Arc::new(SystemClock);
    let witnesses = OverHttp::new(Duration::from_millis(settings.witness_timeout_millis));
    let witnesses = Arc::new(witnesses.map_err(|e| broken(&format!("no HTTP client: {e}")))?);
    let log = TileLog::open_witnessed(&home, store.clone(), clock.clone(), witnesses).await.map_err(unusable)?;
    let log = Arc::new(log);
    let objects = blob::open_object_store(&home).map_err(unusable)?;
    let spool = Arc::new(EncryptedSpool::open(&home.spool_directory(), settings.upload_max_bytes).map_err(unusable)?);
    let engine = Arc::new(Engine::new(engine_config(settings, &home), objects.clone(), Arc::new(LiveNoise)));
    let ports = Ports {
        identities: store.clone(),
        workspaces: store.clone(),
        datasets: store.clone(),
        releases: store.clone(),
        ledger: store.clone(),
        log: log.clone(),
        keys: store.clone(),
        spool,
        uploads: store.clone(),
        clock,
        objects,
        engine,
    };
    let config = Config {
        max_upload_bytes: settings.upload_max_bytes,
        upload_lifetime: Duration::from_secs(settings.upload_lifetime_seconds),
        ingest_spill_directory: home.spill_directory(),
        max_rejected_share: settings.upload_max_rejected_share,
        pause_after_failures: settings.failures_before_pause,
        ..Config::default()
    };
    let app = Arc::new(App::new(ports, config));
    usecase::recovery::run(&app).await.map_err(|e| broken(&e.to_string()))?;
    tokio::spawn(sweep_now_and_then(Arc::downgrade(&app)));
    introduce_administrator(&app, &home).await?;

    let listener = TcpListener::bind(settings.listen).await.map_err(|e| {
        Failure::local(
            "E9021",
            format!("{} can't be listened on: {e}", settings.listen),
            "choose another with --listen",
        )
    })?;
    let address = listener.local_addr().map_err(|e| broken(&e.to_string()))?;
    let (shutdown, stopped) = oneshot::channel();
    let server = tokio::spawn(lyceum_server::serve(listener, app, Limits::default(), async move {
        let _ = stopped.await;
    }));
    Ok(Running { address, admin_token: home.root().join(ADMIN_TOKEN), first_run, shutdown, server, log, store })
}

/// Ends uploads and drafts that have expired, for as long as the server is there.
async fn sweep_now_and_then(app: Weak<App>) {
    loop {
        tokio::time::sleep(SWEEP_EVERY).await;
        let Some(app) = app.upgrade() else { return };
        if let Err(error) = usecase::resumable::sweep(&app).await {
            tracing::error!(code = error.code(), "sweeping expired uploads failed");
        }
    }
}

fn engine_config(settings: &Settings, home: &Home) -> EngineConfig {
    EngineConfig {
        memory_bytes: settings.query_memory_bytes,
        spill_dir: Some(home.spill_directory()),
        max_concurrent_queries: settings.query_concurrency,
        time_grid: Duration::from_millis(settings.query_grid_millis),
        time_base: Duration::from_millis(settings.query_base_millis),
        time_per_row: Duration::from_nanos(settings.query_row_nanos),
        timeout: Duration::from_secs(settings.query_timeout_seconds),
        ..EngineConfig::default()
    }
}

/// On first use: an account for the administrator, and a token in a file that only the home's owner can read. While
/// the file is there, it is left alone.
async fn introduce_administrator(app: &App, home: &Home) -> Outcome {
    if !home.first_run() && home.root().join(ADMIN_TOKEN).exists() {
        return Ok(());
    }
    let name = UserName::new("admin").map_err(|e| broken(&e.to_string()))?;
    let organisation = OrganisationName::new("operator").map_err(|e| broken(&e.to_string()))?;
    if let Some(token) = usecase::users::bootstrap(app, name, organisation).await.map_err(|e| broken(&e.to_string()))? {
        home.write_secret(ADMIN_TOKEN, &token.secret).map_err(unusable)?;
    }
    Ok(())
}

fn unusable(error: StoreError) -> Failure {
    let code = error.code();
    Failure::local(code, error.to_string(), "see the operator's page in docs/GUIDE.md")
}

fn broken(what: &str) -> Failure {
    Failure::local("E9022", format!("the server can't go on: {what}"), "its log on standard error has the details")
}

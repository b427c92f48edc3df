//! The application: its state, its routes, and serving them.

use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use mongodb::IndexModel;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tracing::{info, warn};

use crate::addresses::{AddressRules, AddressStore};
use crate::audit::AuditWriter;
use crate::audit::review::ReviewStores;
use crate::audit::standing::StandingStore;
use crate::audit::upkeep::ErasureStore;
use crate::auth::{DemoLinks, DigestStore, KeptStore, Keyring, SessionStore, SignIn, TokenStore, WaysInStore};
use crate::cases::{Case, CaseStore, Reservation, ReservationStore};
use crate::clock::Clock;
use crate::comments::{Comment, CommentStore};
use crate::config::Config;
use crate::db::{Db, Stored as _};
use crate::events::{Event, EventStore};
use crate::genes::{Disease, Gene, GeneStore, TranscriptRecord};
use crate::institutes::{Institute, InstituteStore};
use crate::mail::{Mail, OutboxStore};
use crate::panels::{Panel, PanelStore};
use crate::saved_filters::{FilterStore, SavedFilter};
use crate::users::{User, UserStore};
use crate::variants::{ColumnStore, ObservationStore, StateStore, VariantStore};
use crate::visits::{Visit, VisitStore};
use crate::web::{self, Door, Routes};
use crate::{audit, auth, cases, institutes, mail, variants};

/// Files read at once for people who wait; each read takes a thread and a disk.
const FILE_READS: usize = 4;

/// How long a server that was asked to stop still takes requests: until balancers have read `/readyz`.
const LAST_CALL: Duration = Duration::from_secs(1);

/// Stores, clock and configuration. Cheap to clone.
#[derive(Clone)]
pub struct AppState(Arc<Inner>);

/// What [`AppState`] shares.
pub struct Inner {
    /// Configuration.
    pub config: Config,
    /// Time.
    pub clock: Clock,
    /// Whether the database is marked as a demo.
    pub demo: bool,
    /// The database.
    pub db: Db,
    /// The audit trail's queue.
    pub audit: AuditWriter,
    /// What auditors look at.
    pub review: ReviewStores,
    /// Who is let in.
    pub door: Door,
    /// Whether the trail is as it should be.
    pub standing: StandingStore,
    /// What is to be erased from the trail.
    pub erasures: ErasureStore,
    /// Browser sessions.
    pub sessions: SessionStore,
    /// Forms that wait for their authors.
    pub kept_forms: KeptStore,
    /// What signing in works with.
    pub sign_in: SignIn,
    /// From where what is open.
    pub addresses: AddressStore,
    /// API tokens.
    pub tokens: TokenStore,
    /// Ways into a demo.
    pub demo_links: DemoLinks,
    /// How people can sign in, for administrators.
    pub ways_in: WaysInStore,
    /// People.
    pub users: UserStore,
    /// Clinics.
    pub institutes: InstituteStore,
    /// Cases.
    pub cases: CaseStore,
    /// Identities and revisions that loads write under.
    pub reservations: ReservationStore,
    /// Variants.
    pub variants: VariantStore,
    /// Their columns.
    pub columns: ColumnStore,
    /// Decisions about them.
    pub states: StateStore,
    /// Filters that institutes keep.
    pub filters: FilterStore,
    /// What people say about cases and variants.
    pub comments: CommentStore,
    /// Who wants a mail each day.
    pub digests: DigestStore,
    /// Mail to be sent.
    pub outbox: OutboxStore,
    /// Up to when people have read them.
    pub visits: VisitStore,
    /// How often they were seen.
    pub observations: ObservationStore,
    /// Clinical history.
    pub events: EventStore,
    /// Gene reference.
    pub genes: GeneStore,
    /// Gene panels.
    pub panels: PanelStore,
    /// Places for reading a case's files while somebody waits.
    pub file_reads: Arc<Semaphore>,
    stopping: AtomicBool,
}

impl Deref for AppState {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl AppState {
    /// Opens all stores on a database. `demo` is the database's own mark, never a setting.
    #[must_use]
    pub fn new(config: Config, clock: Clock, db: Db, demo: bool, audit: AuditWriter, keyring: Keyring) -> Self {
        let variants = VariantStore::new(&db);
        Self(Arc::new(Inner {
            audit,
            review: ReviewStores::new(&db, &clock),
            door: Door::new(&config, &clock),
            standing: StandingStore::new(&db),
            erasures: ErasureStore::new(&db),
            kept_forms: KeptStore::new(&db),
            sessions: SessionStore::new(&db, &config.session),
            sign_in: SignIn::new(&db, &config.sign_in, &clock, keyring),
            addresses: AddressStore::new(&db),
            tokens: TokenStore::new(&db),
            demo_links: DemoLinks::new(&db),
            ways_in: WaysInStore::new(&db),
            users: UserStore::new(&db),
            institutes: InstituteStore::new(&db),
            cases: CaseStore::new(&db, config.cache.cases_mb),
            reservations: ReservationStore::new(&db),
            columns: ColumnStore::new(&db, variants.clone(), config.cache.columns_mb),
            variants,
            states: StateStore::new(&db, config.cache.decisions_mb),
            filters: FilterStore::new(&db),
            comments: CommentStore::new(&db),
            digests: DigestStore::new(&db),
            outbox: OutboxStore::new(&db),
            visits: VisitStore::new(&db),
            observations: ObservationStore::new(&db),
            events: EventStore::new(&db),
            genes: GeneStore::new(&db),
            panels: PanelStore::new(&db),
            file_reads: Arc::new(Semaphore::new(FILE_READS)),
            stopping: AtomicBool::new(false),
            config,
            clock,
            demo,
            db,
        }))
    }

    /// Whether the server takes no new work.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// From now on `/readyz` sends new work elsewhere.
    pub fn begin_stopping(&self) {
        self.stopping.store(true, Ordering::Release);
    }
}

/// All collections with their indexes, in alphabetical order.
#[must_use]
pub fn collections() -> Vec<(&'static str, Vec<IndexModel>)> {
    let mut all = vec![
        (AddressRules::COLLECTION, AddressRules::indexes()),
        (Case::COLLECTION, Case::indexes()),
        (Comment::COLLECTION, Comment::indexes()),
        (Disease::COLLECTION, Disease::indexes()),
        (Event::COLLECTION, Event::indexes()),
        (Gene::COLLECTION, Gene::indexes()),
        (Institute::COLLECTION, Institute::indexes()),
        (Mail::COLLECTION, Mail::indexes()),
        (Panel::COLLECTION, Panel::indexes()),
        (SavedFilter::COLLECTION, SavedFilter::indexes()),
        (Reservation::COLLECTION, Reservation::indexes()),
        (TranscriptRecord::COLLECTION, TranscriptRecord::indexes()),
        (User::COLLECTION, User::indexes()),
        (Visit::COLLECTION, Visit::indexes()),
    ];
    all.extend(audit::collections());
    all.extend(auth::collections());
    all.extend(variants::collections());
    all.sort_by_key(|(name, _)| *name);
    all
}

/// Every route with its policy.
#[must_use]
pub fn routes() -> Routes {
    web::health_routes()
        .merge(web::static_routes())
        .merge(auth::routes())
        .merge(audit::review::routes())
        .merge(audit::flags::routes())
        .merge(audit::upkeep::routes())
        .merge(crate::users::routes())
        .merge(crate::addresses::routes())
        .merge(crate::my_work::routes())
        .merge(institutes::routes())
        .merge(cases::routes())
        .merge(crate::sharing::routes())
        .merge(crate::consent::routes())
        .merge(crate::research::routes())
        .merge(crate::restriction::routes())
        .merge(crate::comments::routes())
        .merge(crate::casework::routes())
        .merge(crate::decisions::routes())
        .merge(mail::routes())
        .merge(crate::saved_filters::routes())
        .merge(crate::visits::routes())
        .merge(crate::timeline::routes())
        .merge(crate::emergency::routes())
        .merge(variants::routes())
        .merge(crate::api::routes())
}

/// The router with all its layers.
pub fn router(app: &AppState) -> Router {
    web::stack(routes().into_router(), app)
}

/// Serves until `stop` resolves, then lets running requests finish and writes the audit trail to its end.
pub async fn serve(app: AppState, listener: TcpListener, stop: impl Future<Output = ()> + Send + 'static) {
    let grace = Duration::from_secs(app.config.server.shutdown_grace_s);
    let router = router(&app);
    let patience = web::Patience::of(&app.config.server);
    let (stopped, stopping) = tokio::sync::oneshot::channel::<()>();
    let watched = app.clone();
    let server = web::serve(listener, router, patience, async move {
        stop.await;
        watched.begin_stopping();
        info!("stopping: running requests have {} s to finish", grace.as_secs());
        tokio::time::sleep(LAST_CALL).await;
        let _ = stopped.send(()); // the server may have failed already
    });
    tokio::select! {
        () = server => {}
        () = async {
            if stopping.await.is_ok() {
                tokio::time::sleep(grace).await;
            } else {
                std::future::pending::<()>().await;
            }
        } => warn!("some requests did not finish in time"),
    }
    let audit = app.audit.clone();
    drop(app);
    audit.flush(grace).await;
}

/// Serves Prometheus metrics on a listener of their own.
///
/// # Errors
/// When the address cannot be used.
pub async fn serve_metrics(address: SocketAddr) -> anyhow::Result<()> {
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder).map_err(|_| anyhow::anyhow!("metrics are recorded already"))?;
    let listener = TcpListener::bind(address).await.with_context(|| format!("metrics listener {address}"))?;
    let router = Router::new().route("/metrics", axum::routing::get(move || std::future::ready(handle.render())));
    tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, router).await {
            warn!("the metrics listener ended: {error}");
        }
    });
    Ok(())
}

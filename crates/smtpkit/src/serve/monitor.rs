//! `--metrics`: what a monitor may ask, over HTTP: the numbers as Prometheus reads them, and whether all is well.
//!
//! | path | answer |
//! |---|---|
//! | `/metrics` | everything that is counted, in the Prometheus text format |
//! | `/healthz` | 200 while mail can be taken, else 503 and why |
//!
//! It is for one collector or two: connections beyond [`CONNECTIONS_MAX`] wait. Nothing here needs a password, so it should
//! listen where strangers cannot ask.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use metrics::{describe_gauge, gauge};
use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};
use smtpkit_queue::Health;
use smtpkit_relay::Relay;
use smtpkit_server::Gate;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{interval, timeout};
use tokio_util::sync::CancellationToken;

/// Connections that are served at once.
const CONNECTIONS_MAX: usize = 16;
/// How long a request may take to come, and a connection to live.
const HEADER_PATIENCE: Duration = Duration::from_secs(10);
const CONNECTION_PATIENCE: Duration = Duration::from_secs(300);
/// How often samples are put into their buckets if nobody asks.
const UPKEEP: Duration = Duration::from_secs(5);
/// Upper ends of the buckets of every histogram, in seconds: from a local delivery to the give-up time.
const BUCKETS: [f64; 16] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0, 3_600.0, 86_400.0, 432_000.0,
];
/// How long to wait when the operating system has no room for a connection.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(100);
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What is asked before each answer.
#[derive(Clone)]
pub(crate) struct Watched {
    pub(crate) relay: Relay,
    pub(crate) gate: Gate,
}

/// The page, bound and counting; it answers once [`serve`](Self::serve) runs.
pub(crate) struct Monitor {
    listener: TcpListener,
    recorder: PrometheusHandle,
}

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MonitorError {
    #[error("{address}: {source}; stop what listens there, or choose another address with --metrics")]
    Bind { address: SocketAddr, source: std::io::Error },
    #[error("the recorder of numbers: {0}")]
    Recorder(#[from] BuildError),
}

impl Monitor {
    /// Listens, and counts from now on.
    pub(crate) async fn bind(address: SocketAddr) -> Result<Self, MonitorError> {
        let listener =
            TcpListener::bind(address).await.map_err(|source| MonitorError::Bind { address, source })?;
        let recorder = PrometheusBuilder::new().set_buckets(&BUCKETS)?.install_recorder()?;
        smtpkit_server::describe_metrics();
        smtpkit_relay::describe_metrics();
        describe_gauge!("smtpkit_connections", "Connections that are open.");
        describe_gauge!("smtpkit_build_info", "1; the version is in the label.");
        gauge!("smtpkit_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
        Ok(Self { listener, recorder })
    }

    /// Where it listens, with the port it got.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        self.listener.local_addr().ok()
    }

    /// Answers until `stop` is cancelled.
    pub(crate) async fn serve(self, watched: Watched, stop: CancellationToken) {
        let mut connections = JoinSet::new();
        let mut upkeep = interval(UPKEEP);
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                _ = upkeep.tick() => self.recorder.run_upkeep(),
                Some(_) = connections.join_next() => {}
                accepted = self.listener.accept(), if connections.len() < CONNECTIONS_MAX => {
                    let Ok((stream, _)) = accepted else {
                        tokio::time::sleep(EXHAUSTED_PAUSE).await;
                        continue;
                    };
                    connections.spawn(timeout(
                        CONNECTION_PATIENCE,
                        connection(stream, self.recorder.clone(), watched.clone()),
                    ));
                }
            }
        }
    }
}

async fn connection(stream: TcpStream, recorder: PrometheusHandle, watched: Watched) {
    let service = service_fn(|request: Request<Incoming>| {
        let response = answer(request.method(), request.uri().path(), &recorder, &watched);
        async move { Ok::<_, Infallible>(response) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_PATIENCE)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "a connection to the metrics page broke");
    }
}

fn answer(
    method: &Method,
    path: &str,
    recorder: &PrometheusHandle,
    watched: &Watched,
) -> Response<Full<Bytes>> {
    let (status, text) = match (method, path) {
        (&Method::GET | &Method::HEAD, "/metrics") => {
            watched.relay.measure();
            #[expect(clippy::cast_precision_loss, reason = "a process has no 2^52 connections")]
            gauge!("smtpkit_connections").set(watched.gate.connections() as f64);
            (StatusCode::OK, recorder.render())
        }
        (&Method::GET | &Method::HEAD, "/healthz") => health(&watched.relay.spool().health()),
        (_, "/metrics" | "/healthz") => (StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n".to_owned()),
        _ => (StatusCode::NOT_FOUND, "/metrics and /healthz are here\n".to_owned()),
    };
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(TEXT));
    if status == StatusCode::METHOD_NOT_ALLOWED {
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    }
    response
}

fn health(health: &Health) -> (StatusCode, String) {
    let why = match health {
        Health::Ready => return (StatusCode::OK, "ok\n".to_owned()),
        Health::Full => "the disk has no room for mail\n",
        _ => "the queue could not be written: no mail is taken until a restart\n",
    };
    (StatusCode::SERVICE_UNAVAILABLE, why.to_owned())
}

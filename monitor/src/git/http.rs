//! git's smart HTTP: a fetch for whoever has a token, a push for an attempt's own branch.
//!
//! The address of the repository is `/git`. Both ways are streamed; git itself does the work (see
//! [`super::process`]). A push is decided on before git runs (see [`super::receive`]), and what is
//! refused is read to its end and thrown away, so that the client hears the reason.

use std::pin::Pin;
use std::time::Duration;

use anyhow::{Context, anyhow};
use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Query, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use futures_util::StreamExt;
use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::ChildStdin;
use tokio::time::timeout;
use tokio_util::io::{ReaderStream, StreamReader};
use tower_http::decompression::RequestDecompressionLayer;

use super::access::{self, Client, Door};
use super::pktline::{self, FLUSH};
use super::process::{DEADLINE, Run, Running, Service};
use super::receive::{self, Parsed, Refusal};
use super::repository::Bare;
use super::slots::Slots;

/// The largest pack that a push may bring, unless told otherwise, in bytes.
pub const MAX_PUSH: u64 = 512 << 20;
/// How long a client may stay silent in the middle of what it sends.
const CLIENT_SILENCE: Duration = Duration::from_secs(60);
/// The most that a client may say about what it has, in bytes. Ten thousand commits take 0.5 MB.
const MAX_FETCH_REQUEST: u64 = 16 << 20;
/// The most that git may answer to a push, in bytes: one line for each ref, and messages.
const MAX_PUSH_REPORT: u64 = 1 << 20;
/// The most that is read of a refused push, in bytes: a client listens only when it has sent
/// everything, and one that sends more than this does not want to hear.
const MAX_THROWN_AWAY: u64 = 4 << 30;

/// The git endpoint of one listener.
#[derive(Clone)]
pub struct Endpoint {
    bare: Bare,
    door: Door,
    max_push: u64,
    slots: Slots,
}

impl Endpoint {
    /// Serves `bare` to those whom `door` knows, with packs of up to `max_push` bytes.
    pub fn new(bare: Bare, door: Door, max_push: u64) -> Endpoint {
        Endpoint {
            bare,
            door,
            max_push,
            slots: Slots::default(),
        }
    }

    /// The routes, from the root: `/git/info/refs` and so on. They check tokens by themselves.
    pub fn router(self) -> Router {
        Router::new()
            .route("/git/info/refs", get(advertise))
            .route("/git/git-upload-pack", post(fetch))
            .route("/git/git-receive-pack", post(push))
            .layer(RequestDecompressionLayer::new())
            .layer(DefaultBodyLimit::disable())
            .with_state(self)
    }

    fn receive(&self) -> Service {
        Service::Receive {
            max_bytes: self.max_push,
        }
    }

    async fn client(&self, headers: &HeaderMap) -> Result<Client, Failure> {
        let token = access::token(headers).ok_or(Failure::Token("a token is needed"))?;
        match self.door.identify(token).await {
            Ok(Some(client)) => Ok(client),
            Ok(None) => Err(Failure::Token("this token is unknown or over")),
            Err(error) => Err(Failure::Broken(error.into())),
        }
    }

    /// A git process for this client.
    async fn git(
        &self,
        run: impl Into<Run>,
        client: &Client,
        headers: &HeaderMap,
    ) -> Result<Running, Failure> {
        let slot = self.slots.take(client).await.ok_or(Failure::Greedy)?;
        let protocol = headers.get("git-protocol").and_then(|p| p.to_str().ok());
        Ok(run.into().start(self.bare.path(), protocol, slot)?)
    }
}

/// A request that git did not get to see, or that went wrong.
enum Failure {
    /// There is no token, or none that is known.
    Token(&'static str),
    /// The request is not one of git's smart protocol.
    NotGit(&'static str),
    /// This client has too many requests open.
    Greedy,
    /// Our own machinery failed.
    Broken(anyhow::Error),
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Failure {
        Failure::Broken(error)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Failure {
        Failure::Broken(error.into())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        match self {
            Failure::Token(sentence) => {
                let challenge = [(header::WWW_AUTHENTICATE, "Basic realm=\"swarm\"")];
                (StatusCode::UNAUTHORIZED, challenge, sentence).into_response()
            }
            Failure::NotGit(sentence) => (StatusCode::BAD_REQUEST, sentence).into_response(),
            Failure::Greedy => {
                let sentence = "too many fetches and pushes at once";
                (StatusCode::TOO_MANY_REQUESTS, sentence).into_response()
            }
            Failure::Broken(error) => {
                tracing::warn!("the git endpoint failed: {error:#}");
                let sentence = "the hub failed here; its log says why";
                (StatusCode::INTERNAL_SERVER_ERROR, sentence).into_response()
            }
        }
    }
}

#[derive(Deserialize)]
struct Wanted {
    service: Option<String>,
}

async fn advertise(
    State(endpoint): State<Endpoint>,
    Query(wanted): Query<Wanted>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let client = endpoint.client(&headers).await?;
    let service = match wanted.service.as_deref() {
        Some("git-upload-pack") => Service::Upload,
        Some("git-receive-pack") => endpoint.receive(),
        _ => return Err(Failure::NotGit("only git's smart protocol is spoken here")),
    };
    let refs = in_time(async {
        let run = service.advertising();
        let mut git = endpoint.git(run, &client, &headers).await?;
        drop(git.stdin.take());
        let title = format!("# service=git-{}\n", service.name());
        let mut refs = [&pktline::packet(title.as_bytes()), FLUSH].concat();
        git.read_to_end(&mut refs).await?;
        git.must_succeed().await?;
        Ok(refs)
    });
    Ok(answer(service, "advertisement", Body::from(refs.await?)))
}

async fn fetch(
    State(endpoint): State<Endpoint>,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, Failure> {
    let client = endpoint.client(&headers).await?;
    must_be_for(Service::Upload, &headers)?;
    let mut git = in_time(endpoint.git(Service::Upload, &client, &headers)).await?;
    let mut stdin = git.stdin.take().context("git has no input")?;
    tokio::spawn(async move {
        let mut wants = reader(request.into_body()).take(MAX_FETCH_REQUEST);
        // git closes its end when it has heard enough; what the client hears is git's answer.
        let _ = tokio::io::copy(&mut wants, &mut stdin).await;
    });
    let pack = Body::from_stream(ReaderStream::new(git));
    Ok(answer(Service::Upload, "result", pack))
}

async fn push(
    State(endpoint): State<Endpoint>,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, Failure> {
    let client = endpoint.client(&headers).await?;
    let service = endpoint.receive();
    must_be_for(service, &headers)?;
    let mut body = reader(request.into_body());
    // A task of its own: what was begun goes on to its end even when the client is gone.
    let report = tokio::spawn(async move {
        let report = in_time(taken(&endpoint, &client, &headers, &mut body)).await?;
        // Whatever goes wrong here is the client's loss alone.
        let mut rest = (&mut body).take(MAX_THROWN_AWAY);
        let mut nowhere = tokio::io::sink();
        let _ = timeout(DEADLINE, tokio::io::copy(&mut rest, &mut nowhere)).await;
        Ok::<_, Failure>(report)
    });
    let report = report.await.context("the push was cut off")??;
    Ok(answer(service, "result", Body::from(report)))
}

/// Decides on a push and lets git take it; returns what the client is told, in git's protocol.
async fn taken(
    endpoint: &Endpoint,
    client: &Client,
    headers: &HeaderMap,
    body: &mut Reader,
) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let (request, length) = loop {
        match receive::parse(&bytes) {
            Parsed::Complete { request, length } => break (request, length),
            Parsed::Invalid(reason) => return Err(Failure::NotGit(reason)),
            Parsed::Incomplete => {
                if body.read_buf(&mut bytes).await? == 0 {
                    return Err(Failure::NotGit("the push ended in the middle"));
                }
            }
        }
    };
    // git sends an empty push to see whether it may push at all.
    if request.commands.is_empty() {
        return Ok(Vec::new());
    }
    if let Err(refusals) = admitted(endpoint, client, &request.commands).await? {
        return Ok(request.refusal_report(&refusals));
    }
    let git = endpoint.git(endpoint.receive(), client, headers).await?;
    let beginning = [&request.encode(), &bytes[length..]].concat();
    let report = received(git, &beginning, body).await?;
    after_push(endpoint, client).await;
    Ok(report)
}

async fn admitted(
    endpoint: &Endpoint,
    client: &Client,
    commands: &[receive::Command],
) -> Result<Result<(), Vec<Refusal>>, Failure> {
    if let Err(refusals) = receive::decide(client, commands) {
        return Ok(Err(refusals));
    }
    match endpoint.door.may_push(client).await {
        Ok(()) => Ok(Ok(())),
        Err(ticket::Error::Stale(reason) | ticket::Error::Refused(reason)) => {
            let refused = |command: &receive::Command| Refusal {
                name: command.name.clone(),
                reason: reason.clone(),
            };
            Ok(Err(commands.iter().map(refused).collect()))
        }
        Err(error) => Err(Failure::Broken(error.into())),
    }
}

/// Gives receive-pack `beginning` and then `body`; returns what it says.
async fn received(
    mut git: Running,
    beginning: &[u8],
    body: &mut Reader,
) -> Result<Vec<u8>, Failure> {
    let stdin = git.stdin.take().context("git has no input")?;
    let mut report = Vec::new();
    let mut said = (&mut git).take(MAX_PUSH_REPORT);
    let (fed, said) = tokio::join!(feed(stdin, beginning, body), said.read_to_end(&mut report));
    said?;
    fed.context("the push broke off")?;
    if report.is_empty() {
        git.must_succeed().await?;
    }
    Ok(report)
}

/// Gives git its input. That git stops listening is no error: it says why itself.
async fn feed(mut git: ChildStdin, beginning: &[u8], body: &mut Reader) -> std::io::Result<()> {
    if git.write_all(beginning).await.is_err() {
        return Ok(());
    }
    let mut buffer = vec![0; 64 << 10];
    loop {
        let length = body.read(&mut buffer).await?;
        if length == 0 || git.write_all(&buffer[..length]).await.is_err() {
            return Ok(());
        }
    }
}

/// The attempt may have ended while git took its push: then what came is kept at once.
async fn after_push(endpoint: &Endpoint, client: &Client) {
    let &Client::Attempt { ticket, attempt } = client else {
        return;
    };
    if endpoint.door.may_push(client).await.is_ok() {
        return;
    }
    let kept = endpoint
        .bare
        .call(move |repository| repository.keep_attempt(ticket, attempt));
    if let Err(error) = kept.await {
        tracing::warn!(
            ticket,
            attempt,
            "a late push stays on its branch: {error:#}"
        );
    }
}

type Reader = Pin<Box<dyn AsyncRead + Send>>;

/// The body of a request, as bytes that break off when the client is silent for too long.
fn reader(body: Body) -> Reader {
    let chunks = tokio_stream::StreamExt::timeout(body.into_data_stream(), CLIENT_SILENCE);
    let chunks = chunks.map(|chunk| match chunk {
        Ok(chunk) => chunk.map_err(std::io::Error::other),
        Err(_) => Err(std::io::ErrorKind::TimedOut.into()),
    });
    Box::pin(StreamReader::new(Box::pin(chunks)))
}

fn must_be_for(service: Service, headers: &HeaderMap) -> Result<(), Failure> {
    let expected = format!("application/x-git-{}-request", service.name());
    match headers.get(header::CONTENT_TYPE) {
        Some(given) if given.as_bytes() == expected.as_bytes() => Ok(()),
        _ => Err(Failure::NotGit("only git's smart protocol is spoken here")),
    }
}

fn answer(service: Service, what: &str, body: Body) -> Response {
    let content_type = format!("application/x-git-{}-{what}", service.name());
    let headers = [
        (header::CONTENT_TYPE, content_type),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    (headers, body).into_response()
}

async fn in_time<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    match timeout(DEADLINE, work).await {
        Ok(result) => result,
        Err(_) => Err(anyhow!("it took longer than {} s", DEADLINE.as_secs()).into()),
    }
}

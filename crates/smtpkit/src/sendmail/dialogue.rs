//! `-bs`: SMTP on standard input and output, as mail readers speak it with a program that they start themselves.
//!
//! A session of the server's own machine stands in front of the client. Recipients are accepted as they are named; what
//! the real server thinks of them comes out in the reply to the content, which is given once it has answered.

use smtpkit_client::{Client, Content, Delivered, Report, Retry, SendError};
use smtpkit_codec::envelope::Envelope;
use smtpkit_codec::reply::{Reply, ReplyCode};
use smtpkit_server::{
    Body, CancellationToken, Decision, Grant, Limits, Peer, Recipient, Refusal, Route, Server, Session,
    Transaction, accepted, accepted_as, each,
};
use tokio::io::{stdin, stdout};

use super::config::Config;
use super::{client, runtime};
use crate::exit::{Exit, Failure};
use crate::send::CLOSE_GRACE;

/// Serves the one session, and ends with it.
pub(crate) fn run(config: &Config) -> Result<Exit, Failure> {
    runtime()?.block_on(async {
        let client = client(config).await?;
        let forwarding = client.clone();
        let server = Server::catch_all(&config.domain, each(move |_| Forward { client: forwarding.clone() }));
        let server = server.without_sockets().map_err(|error| Failure::new(Exit::Config, error))?;
        let stream = tokio::io::join(stdin(), stdout());
        server.serve_stream(stream, None, CancellationToken::new()).await;
        client.close(CLOSE_GRACE).await;
        Ok(Exit::Ok)
    })
}

/// Hands each message on before it answers.
struct Forward {
    client: Client,
}

impl Session for Forward {
    async fn rcpt<'a>(&mut self, _: &Peer, _: &Transaction, _: &Recipient, _: Grant<'a>) -> Decision<'a> {
        Ok(Route::local())
    }

    async fn message(&mut self, _: &Peer, tx: &Transaction, body: &mut Body<'_>) -> Result<Reply, Refusal> {
        let limit = usize::try_from(Limits::default().message_octets_max).unwrap_or(usize::MAX);
        let content = body.read_to_end(limit).await?;
        let envelope = Envelope {
            reverse_path: tx.reverse_path().clone(),
            parameters: tx.parameters().clone(),
            recipients: tx.recipients().to_vec(),
        };
        match self.client.send(&envelope, Content::octets(content)).await {
            Ok(report) => Ok(taken(&report)),
            Err(error) => Err(Refusal::from(refused(&error))),
        }
    }
}

fn taken(report: &Report) -> Reply {
    report.queue_id().map_or_else(accepted, |id| accepted_as(&id))
}

/// What the server said, or why it could not be asked.
fn refused(error: &SendError) -> Reply {
    let refusal = error.recipients().iter().find_map(|outcome| match outcome {
        smtpkit_client::RecipientOutcome::Refused(reply) => Some(reply),
        _ => None,
    });
    let said = error.reply().or(refusal).filter(|reply| !reply.is_positive());
    if let (Some(reply), Delivered::No) = (said, error.delivered()) {
        return reply.clone();
    }
    let code = match error.retry() {
        Retry::Later => ReplyCode::LOCAL_ERROR,
        Retry::Never => ReplyCode::TRANSACTION_FAILED,
    };
    Reply::new(code, None, &error.to_string())
        .unwrap_or_else(|_| Reply::fixed(code, None, "the server did not take it"))
}

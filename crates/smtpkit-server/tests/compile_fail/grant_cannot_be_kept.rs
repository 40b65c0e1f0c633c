use smtpkit_server::{Body, Peer, Recipient, Refusal, RelayGrant, Reply, Route, Session, Transaction, accepted};

struct Hoarder {
    grant: Option<RelayGrant<'static>>,
}

impl Session for Hoarder {
    async fn rcpt<'a>(
        &mut self,
        _: &Peer,
        _: &Transaction,
        _: &Recipient,
        grant: Option<RelayGrant<'a>>,
    ) -> Result<Route<'a>, Refusal> {
        self.grant = grant;
        Ok(Route::local())
    }

    async fn message(&mut self, _: &Peer, _: &Transaction, _: &mut Body<'_>) -> Result<Reply, Refusal> {
        Ok(accepted())
    }
}

fn main() {}

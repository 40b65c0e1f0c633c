//! The open-relay matrix: whatever the role, TLS, AUTH or network, and however a foreign address is dressed up, it
//! needs a permission. The handler here says yes to everything it is asked.

use smtpkit_server::{
    Body, Decision, Grant, Network, Peer, Recipient, Refusal, Reply, Route, Server, Session, Transaction,
    accepted, each,
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use crate::world::{Client, accounts, certificate, domains};

/// What an address is, however it looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Is {
    Local,
    Foreign,
    Nothing,
}

/// Forms that relays have fallen for (RFC 5321 §3.6.1, §4.1.2, §4.1.3, appendix C).
const FORMS: [(&str, Is); 31] = [
    ("bob@local.test", Is::Local),
    ("BOB@LOCAL.TEST", Is::Local),
    ("\"bob\"@local.test", Is::Local),
    ("postmaster", Is::Local),
    ("Postmaster@local.test", Is::Local),
    // The local part of a local domain is that domain's own business.
    ("bob%foreign.test@local.test", Is::Local),
    ("foreign.test!bob@local.test", Is::Local),
    ("\"bob@foreign.test\"@local.test", Is::Local),
    ("\"@foreign.test:bob\"@local.test", Is::Local),
    // A source route is ignored: the last host counts.
    ("@foreign.test:bob@local.test", Is::Local),
    ("@local.test:bob@foreign.test", Is::Foreign),
    ("@local.test,@foreign.test:bob@foreign.test", Is::Foreign),
    ("bob@foreign.test", Is::Foreign),
    ("bob@FOREIGN.test", Is::Foreign),
    ("\"bob\"@foreign.test", Is::Foreign),
    ("\"bob@local.test\"@foreign.test", Is::Foreign),
    ("bob%local.test@foreign.test", Is::Foreign),
    ("local.test!bob@foreign.test", Is::Foreign),
    ("bob@sub.local.test", Is::Foreign),
    ("bob@local.test.foreign.test", Is::Foreign),
    ("bob@localxtest", Is::Foreign),
    ("bob@test", Is::Foreign),
    ("bob@[192.0.2.1]", Is::Foreign),
    ("bob@[127.0.0.1]", Is::Foreign),
    ("bob@[IPv6:2001:db8::1]", Is::Foreign),
    ("bob@local.test.", Is::Nothing),
    ("bob@foreign.test.", Is::Nothing),
    ("bob@foreign.test@local.test", Is::Nothing),
    ("bob@local.test@foreign.test", Is::Nothing),
    ("bob@", Is::Nothing),
    ("bob@[local.test]", Is::Nothing),
];

/// Takes every recipient, and relays wherever it may.
struct Yes;

impl Session for Yes {
    async fn rcpt<'a>(&mut self, _: &Peer, _: &Transaction, _: &Recipient, grant: Grant<'a>) -> Decision<'a> {
        Ok(grant.map_or(Route::local(), Route::relay))
    }

    async fn message(&mut self, _: &Peer, _: &Transaction, body: &mut Body<'_>) -> Result<Reply, Refusal> {
        body.discard().await?;
        Ok(accepted())
    }
}

#[derive(Clone, Copy, Debug)]
enum Role {
    Mx,
    Submission,
    Lmtp,
}

/// One cell of the matrix.
#[derive(Clone, Copy, Debug)]
struct Cell {
    role: Role,
    tls: bool,
    auth: bool,
    trusted: bool,
}

async fn check(cell: Cell) {
    let certificate = certificate();
    let acceptor = certificate.acceptor.clone();
    let yes = each(|_| Yes);
    let server = match cell.role {
        Role::Mx => Server::mx("mx.test", domains(), yes).tls(acceptor).auth(accounts()),
        Role::Lmtp => Server::lmtp("mx.test", domains(), yes).tls(acceptor).auth(accounts()),
        Role::Submission => Server::submission("mx.test", acceptor, accounts(), yes).domains(domains()),
    };
    // AUTH in plaintext has to be allowed, so that each cell can be reached.
    let server = server.auth_without_tls();
    let server = if cell.trusted { server.trusted(Network::LOOPBACK) } else { server };
    let listening = server.bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let stream = TcpStream::connect(listening.local_addrs()[0]).await.unwrap();
    let serving = tokio::spawn(listening.serve(smtpkit_server::CancellationToken::new()));
    let mut client = Client::new(stream);
    client.expect("220").await;
    let hello = if matches!(cell.role, Role::Lmtp) { "LHLO c" } else { "EHLO c" };
    client.ask(hello, "250").await;
    if cell.tls {
        client.ask("STARTTLS", "220").await;
        let mut client = certificate.secure(client.stream).await;
        client.ask(hello, "250").await;
        talk(cell, client).await;
    } else {
        talk(cell, client).await;
    }
    serving.abort();
}

async fn talk<S: AsyncRead + AsyncWrite + Unpin>(cell: Cell, mut client: Client<S>) {
    if cell.auth {
        client.ask("AUTH PLAIN AGFsaWNlQGxvY2FsLnRlc3QAcGVuY2ls", "235").await;
    }
    if matches!(cell.role, Role::Submission) && !cell.auth {
        client.ask("MAIL FROM:<alice@local.test>", "530 5.7.0").await;
        client.ask("RCPT TO:<bob@foreign.test>", "503").await;
        return;
    }
    for (form, is) in FORMS {
        let expected = match is {
            Is::Local => "250",
            Is::Foreign if cell.auth || cell.trusted => "250",
            Is::Foreign => "550 5.7.1",
            Is::Nothing => "501",
        };
        // A transaction for each, because many refusals end a session.
        client.ask("MAIL FROM:<alice@local.test>", "250").await;
        let reply = client.say(&format!("RCPT TO:<{form}>")).await;
        assert!(reply.starts_with(expected), "{cell:?} {form}: {reply}, not {expected}");
        if reply.starts_with("250") {
            client.ask("DATA", "354").await;
            client.ask("x\r\n.", "250").await;
        } else {
            client.ask("RSET", "250").await;
            client.mail("bob@local.test", "all errors are forgiven").await;
        }
    }
}

#[tokio::test]
async fn no_form_of_an_address_opens_a_relay() {
    for role in [Role::Mx, Role::Submission, Role::Lmtp] {
        for bits in 0..8 {
            let [tls, auth, trusted] = [1, 2, 4].map(|bit| bits & bit != 0);
            check(Cell { role, tls, auth, trusted }).await;
        }
    }
}

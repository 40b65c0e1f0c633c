//! Our halves against rsasl's, in both directions, for every mechanism that it has.
//!
//! It neither prepares nor escapes names and passwords, so those here need neither. Its default registry leaves out the `-PLUS` forms and would run the bare form in their place, so they get a registry of their own.

use rsasl::callback::{Context, Request, SessionCallback, SessionData};
use rsasl::mechanisms::anonymous::AnonymousToken;
use rsasl::mechanisms::oauthbearer::properties::{OAuthBearerError, OAuthBearerErrored, OAuthBearerValidate};
use rsasl::mechanisms::scram::properties::ScramStoredPassword;
use rsasl::mechanisms::scram::{SCRAM_SHA1_PLUS, SCRAM_SHA256_PLUS, SCRAM_SHA512_PLUS};
use rsasl::mechanisms::xoauth2::properties::{XOAuth2Error, XOAuth2Validate};
use rsasl::prelude::{
    Mechanism as TheirMechanism, Mechname, MessageSent, Registry, SASLClient, SASLConfig, SASLServer,
    SessionError, State, Validation,
};
use rsasl::property::{AuthId, AuthzId, ChannelBindings as TheirBindings, OAuthBearerToken, Password};
use rsasl::validate::{Validate, ValidationError};
use smtpkit_auth::*;

use crate::dialogue::{client_context, one_user, server_context, settle};

const USER: &str = "usér@example.test";
const PASSWORD: &str = "pencil Ω";
const TOKEN: &str = "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==";

/// What rsasl asks for, on both sides.
struct Theirs {
    password: &'static str,
    token: &'static str,
    keys: Option<Keys>,
}

struct Keys {
    iterations: u32,
    salt: Vec<u8>,
    stored_key: Vec<u8>,
    server_key: Vec<u8>,
}

/// Whether rsasl's server took the client for [`USER`].
struct Verdict;

impl Validation for Verdict {
    type Value = bool;
}

impl SessionCallback for Theirs {
    fn callback(
        &self,
        _session: &SessionData,
        context: &Context<'_>,
        request: &mut Request<'_>,
    ) -> Result<(), SessionError> {
        let name = context.get_ref::<AuthId>().or_else(|| context.get_ref::<AuthzId>());
        // its OAUTHBEARER server leaves the scheme in front of the token
        let token = context.get_ref::<OAuthBearerToken>().map(|token| token.trim_start_matches("Bearer "));
        let is_right = name == Some(USER) && token == Some(TOKEN);
        let refusal = OAuthBearerError::new("invalid_token", None, None);
        if request.is::<XOAuth2Validate>() {
            request.satisfy::<XOAuth2Validate>(&if is_right {
                Ok(())
            } else {
                Err(r#"{"status":"401"}"#)
            })?;
        } else if request.is::<OAuthBearerValidate>() {
            request.satisfy::<OAuthBearerValidate>(&if is_right { Ok(()) } else { Err(refusal) })?;
        } else if request.get_action::<OAuthBearerErrored>().is_some()
            || request.get_action::<XOAuth2Error>().is_some()
        {
            return Ok(());
        } else if request.is::<ScramStoredPassword<'_>>() {
            if let Some(keys) = &self.keys {
                let stored =
                    ScramStoredPassword::new(keys.iterations, &keys.salt, &keys.stored_key, &keys.server_key);
                request.satisfy::<ScramStoredPassword<'_>>(&stored)?;
            }
        } else {
            request
                .satisfy::<AuthId>(USER)?
                .satisfy::<Password>(self.password.as_bytes())?
                .satisfy::<OAuthBearerToken>(self.token)?
                .satisfy::<AnonymousToken>("trace")?
                .satisfy::<TheirBindings>(&[5; 32])?;
            if request.is::<AuthzId>() && self.keys.is_none() {
                request.satisfy::<AuthzId>(USER)?;
            }
        }
        Ok(())
    }

    fn enable_channel_binding(&self) -> bool {
        true
    }

    fn validate(
        &self,
        session: &SessionData,
        context: &Context<'_>,
        validate: &mut Validate<'_>,
    ) -> Result<(), ValidationError> {
        let is_user = |name: Option<&str>| name == Some(USER);
        let verdict = match session.mechanism().mechanism.as_str() {
            "PLAIN" | "LOGIN" => {
                is_user(context.get_ref::<AuthId>())
                    && context.get_ref::<Password>() == Some(self.password.as_bytes())
            }
            "ANONYMOUS" => context.get_ref::<AnonymousToken>() == Some("trace"),
            "OAUTHBEARER" | "EXTERNAL" => is_user(context.get_ref::<AuthzId>()),
            _ => is_user(context.get_ref::<AuthId>()),
        };
        validate.with::<Verdict, _>(|| Ok(verdict))?;
        Ok(())
    }
}

fn name(mechanism: &Mechanism) -> &Mechname {
    Mechname::parse(mechanism.as_str().as_bytes()).unwrap()
}

static PLUS: [TheirMechanism; 3] = [SCRAM_SHA1_PLUS, SCRAM_SHA256_PLUS, SCRAM_SHA512_PLUS];

fn config(mechanism: &Mechanism, callback: Theirs) -> std::sync::Arc<SASLConfig> {
    let registry = if mechanism.needs_channel_binding() {
        Registry::with_mechanisms(&PLUS)
    } else {
        Registry::default()
    };
    SASLConfig::builder().with_registry(registry).with_callback(callback).unwrap()
}

/// Every mechanism of rsasl that is ours, too: all but CRAM-MD5.
fn shared() -> impl Iterator<Item = Mechanism> {
    Mechanism::known().filter(|mechanism| *mechanism != Mechanism::CRAM_MD5)
}

fn users() -> Users {
    let credential = StoredCredential::plaintext(PASSWORD.into())
        .unwrap()
        .and(StoredCredential::token(TOKEN.into()).unwrap());
    one_user(USER, credential)
}

fn our_credentials(mechanism: &Mechanism, password: &str, token: &str) -> Credentials {
    match mechanism.as_str() {
        "EXTERNAL" => Credentials::external().acting_as(USER),
        "ANONYMOUS" => Credentials::anonymous("trace"),
        "OAUTHBEARER" | "XOAUTH2" => Credentials::token(USER, token.into()),
        _ => Credentials::password(USER, password.into()),
    }
}

/// Our stored keys, taken apart by their documented text form.
fn keys(mechanism: &Mechanism) -> Option<Keys> {
    let bare = mechanism.as_str().trim_end_matches("-PLUS");
    let hash = ScramHash::ALL.into_iter().find(|hash| hash.name() == bare)?;
    let text = ScramKeys::derive(hash, &PASSWORD.into(), b"salt of the user", 4_096).unwrap().to_text();
    let fields: Vec<&str> = text.expose_str().unwrap().split(['$', ':']).collect();
    let decode = |field: &str| line::decode_challenge(field).unwrap().expose().to_vec();
    let iterations = fields[1].parse().unwrap();
    Some(Keys {
        iterations,
        salt: decode(fields[2]),
        stored_key: decode(fields[3]),
        server_key: decode(fields[4]),
    })
}

fn our_client_their_server(mechanism: &Mechanism, password: &str, token: &str) -> Result<bool, String> {
    let callback = Theirs { password: PASSWORD, token: TOKEN, keys: keys(mechanism) };
    let config = config(mechanism, callback);
    let mut server = SASLServer::<Verdict>::new(config).start_suggested(name(mechanism)).unwrap();
    let credentials = our_credentials(mechanism, password, token);
    let (mut client, initial) =
        ClientExchange::start(mechanism, &credentials, client_context(vec![mechanism.clone()])).unwrap();
    let mut input = initial.map(|initial| initial.expose().to_vec());
    loop {
        let mut challenge = Vec::new();
        let state = server.step(input.as_deref(), &mut challenge).map_err(|error| error.to_string())?;
        match state {
            State::Finished(MessageSent::No) => break,
            State::Finished(MessageSent::Yes) => {
                assert!(client.step(&challenge).map_err(|error| error.to_string())?.is_empty());
                break;
            }
            State::Running => {
                input = Some(client.step(&challenge).map_err(|error| error.to_string())?.expose().to_vec());
            }
        }
    }
    client.finish().map_err(|error| error.to_string())?;
    Ok(server.validation().unwrap_or(false))
}

fn their_client_our_server(
    mechanism: &Mechanism,
    password: &'static str,
    token: &'static str,
) -> Result<String, String> {
    let callback = Theirs { password, token, keys: None };
    let config = config(mechanism, callback);
    let mut client =
        SASLClient::new(config).start_suggested(&[name(mechanism)]).map_err(|error| error.to_string())?;
    let initial = client.are_we_first().then(|| {
        let mut initial = Vec::new();
        client.step(None, &mut initial).unwrap();
        initial
    });
    let users = users();
    let (mut server, mut step) = ServerExchange::start(
        mechanism,
        initial.as_deref(),
        server_context(&users).offered([mechanism.clone()]),
    );
    loop {
        let challenge = match settle(&mut server, &users, step) {
            Ok(challenge) => challenge,
            Err(outcome) => {
                return outcome
                    .map(|identity| identity.authorization().to_owned())
                    .map_err(|f| f.to_string());
            }
        };
        let mut response = Vec::new();
        client.step(Some(&challenge), &mut response).map_err(|error| error.to_string())?;
        step = server.respond(&response);
    }
}

#[test]
fn our_client_convinces_their_server() {
    for mechanism in shared() {
        assert_eq!(our_client_their_server(&mechanism, PASSWORD, TOKEN), Ok(true), "{mechanism}");
    }
}

#[test]
fn their_client_convinces_our_server() {
    for mechanism in shared() {
        let expected = if mechanism == Mechanism::ANONYMOUS { "anonymous" } else { USER };
        assert_eq!(
            their_client_our_server(&mechanism, PASSWORD, TOKEN).as_deref(),
            Ok(expected),
            "{mechanism}"
        );
    }
}

#[test]
fn wrong_secrets_fail_in_both_directions() {
    for mechanism in shared().filter(|m| !matches!(m.as_str(), "ANONYMOUS" | "EXTERNAL")) {
        assert_ne!(our_client_their_server(&mechanism, "pencils", "other.token"), Ok(true), "{mechanism}");
        let ours = their_client_our_server(&mechanism, "pencils", "other.token");
        assert_eq!(ours.err().as_deref(), Some("credentials invalid"), "{mechanism}");
    }
}

//! No secret leaves through formatting, an error, or a line that nobody asked for.

use smtpkit_auth::*;

use crate::dialogue::{client_context, one_user, server_context, talk};

/// `true` if the type implements the trait: an inherent constant wins over that of a blanket implementation.
macro_rules! implements {
    ($type:ty: $trait:path) => {{
        trait Otherwise {
            const HAS: bool = false;
        }
        impl<T: ?Sized> Otherwise for T {}
        struct Probe<T: ?Sized>(std::marker::PhantomData<T>);
        #[expect(dead_code, reason = "it is read only if the bound holds, and then the test fails")]
        impl<T: ?Sized + $trait> Probe<T> {
            const HAS: bool = true;
        }
        <Probe<$type>>::HAS
    }};
}

macro_rules! cannot_be_formatted {
    ($($type:ty),* $(,)?) => {
        $(
            assert!(!implements!($type: std::fmt::Debug), concat!(stringify!($type), " implements Debug"));
            assert!(!implements!($type: std::fmt::Display), concat!(stringify!($type), " implements Display"));
        )*
    };
}

#[test]
fn types_with_secrets_cannot_be_formatted() {
    cannot_be_formatted!(
        Secret,
        Credentials,
        StoredCredential,
        PasswordHash,
        ScramKeys,
        Account,
        Users,
        Decoy,
        Query,
        Answer,
        Work,
        Worked,
        ServerStep,
        ServerContext,
        ClientContext,
        Channel,
        ChannelBindings,
        AccessToken,
        TokenCache,
        line::ResponseLine,
    );
}

#[test]
fn exchanges_show_their_mechanism_only() {
    let (client, _) = ClientExchange::start(
        &Mechanism::PLAIN,
        &Credentials::password("user", Secret::from("pencil")),
        client_context(Vec::new()),
    )
    .unwrap();
    assert_eq!(format!("{client:?}"), r#"ClientExchange { mechanism: Mechanism("PLAIN"), .. }"#);
    let users = one_user("user", StoredCredential::plaintext(Secret::from("pencil")).unwrap());
    let (server, _) =
        ServerExchange::start(&Mechanism::PLAIN, Some(b"\0user\0pencil"), server_context(&users));
    assert_eq!(format!("{server:?}"), r#"ServerExchange { mechanism: Mechanism("PLAIN"), .. }"#);
}

#[test]
fn errors_never_repeat_the_secret() {
    const SECRET: &str = "hunter2";
    let mut texts = Vec::new();
    for text in [
        "$1$hunter2",
        "{SSHA}hunter2",
        "SCRAM-SHA-256$hunter2",
        "$argon2id$hunter2",
        "{TOKEN}hunter2,",
        "hunter2\u{7}",
    ] {
        let error = StoredCredential::parse(text).err().unwrap();
        texts.push(format!("{error} {error:?}"));
        let error = Users::parse(&format!("a@x:{text}"), Secret::from("s")).err().unwrap();
        texts.push(format!("{error} {error:?}"));
    }
    let error = Users::parse("hunter2", Secret::from("s")).err().unwrap();
    texts.push(format!("{error} {error:?}"));
    let credentials = Credentials::password("user", Secret::from("hunter2\0"));
    for mechanism in Mechanism::known() {
        if let Err(error) = ClientExchange::start(&mechanism, &credentials, client_context(Vec::new())) {
            texts.push(format!("{error} {error:?}"));
        }
    }
    let error = line::decode_initial("hunter2!").err().unwrap();
    texts.push(format!("{error} {error:?} {:?}", error.reply()));
    assert!(texts.len() > 14);
    for text in texts {
        assert!(!text.contains(SECRET), "{text}");
    }
}

#[test]
fn scram_and_cram_never_put_the_password_on_the_wire() {
    let password = "a password that is long enough to be seen";
    let encoded = line::encode_response(password.as_bytes());
    let users = one_user("user", StoredCredential::plaintext(Secret::from(password)).unwrap());
    for mechanism in users.mechanisms().into_iter().filter(|m| m.as_str().contains("RAM-")) {
        let outcome = talk(
            &mechanism,
            &Credentials::password("user", Secret::from(password)),
            client_context(users.mechanisms()),
            &users,
        );
        assert_eq!(outcome.client, Ok(()), "{mechanism}");
        for line in outcome.transcript.lines() {
            assert!(!line.contains(encoded.expose_str().unwrap()));
            let text = line.rsplit(' ').next().unwrap_or_default();
            let decoded =
                line::decode_challenge(text).map(|octets| octets.expose().to_vec()).unwrap_or_default();
            assert!(
                !decoded.windows(password.len()).any(|window| window == password.as_bytes()),
                "{mechanism}"
            );
        }
    }
}

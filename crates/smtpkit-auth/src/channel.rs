//! What a half knows about the connection under it: TLS or not, and the data that names the TLS channel.
//!
//! Channel binding (RFC 5056) ties an authentication to one TLS connection: both ends mix a value that
//! only they can know into the exchange, so somebody in the middle who holds two TLS connections fails.
//! The values come from the TLS layer; here they are opaque octets.

/// What carries the session: plain text, or TLS with what is known of its channel.
///
/// ```
/// use smtpkit_auth::{Channel, ChannelBindings};
///
/// let channel = Channel::Tls(ChannelBindings::default().with_tls_exporter(vec![0; 32]));
/// assert!(channel.is_tls());
/// ```
#[derive(Clone)]
#[expect(clippy::exhaustive_enums, reason = "a session is protected or it is not")]
pub enum Channel {
    /// No TLS.
    Plaintext,
    /// TLS is up.
    Tls(ChannelBindings),
}

impl Channel {
    /// Whether TLS is up.
    pub fn is_tls(&self) -> bool {
        matches!(self, Self::Tls(_))
    }

    /// Whether there is data for a `-PLUS` mechanism.
    pub fn can_bind(&self) -> bool {
        self.strongest().is_some()
    }

    /// The binding that a client should use: `tls-exporter` before `tls-server-end-point`.
    pub(crate) fn strongest(&self) -> Option<(BindingType, &[u8])> {
        BindingType::ALL.into_iter().find_map(|kind| Some((kind, self.data(kind)?)))
    }

    /// The data of one type of binding.
    pub(crate) fn data(&self, kind: BindingType) -> Option<&[u8]> {
        let Self::Tls(bindings) = self else { return None };
        match kind {
            BindingType::TlsExporter => bindings.tls_exporter.as_deref(),
            BindingType::TlsServerEndPoint => bindings.tls_server_end_point.as_deref(),
        }
    }
}

/// The channel binding data of one TLS connection; the default has none.
#[derive(Clone, Default)]
pub struct ChannelBindings {
    tls_exporter: Option<Vec<u8>>,
    tls_server_end_point: Option<Vec<u8>>,
}

impl ChannelBindings {
    /// `tls-exporter` (RFC 9266 §2): 32 octets exported with the label `EXPORTER-Channel-Binding` and an empty
    /// context. Give it for TLS 1.3, or for TLS 1.2 with the extended master secret, and never otherwise.
    #[must_use]
    pub fn with_tls_exporter(mut self, exported: impl Into<Vec<u8>>) -> Self {
        self.tls_exporter = Some(exported.into());
        self
    }

    /// `tls-server-end-point` (RFC 5929 §4): the digest of the server's certificate, with the hash of its
    /// signature algorithm (SHA-256 in place of MD5 and SHA-1).
    #[must_use]
    pub fn with_tls_server_end_point(mut self, digest: impl Into<Vec<u8>>) -> Self {
        self.tls_server_end_point = Some(digest.into());
        self
    }
}

/// A registered type of channel binding that this crate speaks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum BindingType {
    TlsExporter,
    TlsServerEndPoint,
}

impl BindingType {
    const ALL: [Self; 2] = [Self::TlsExporter, Self::TlsServerEndPoint];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::TlsExporter => "tls-exporter",
            Self::TlsServerEndPoint => "tls-server-end-point",
        }
    }

    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

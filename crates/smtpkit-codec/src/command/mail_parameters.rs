//! The parameters of MAIL: one row and one getter for each that an extension defines.

use core::fmt;

use crate::extension::parameter::{self, List, ListBuf, Parameter, known_parameters};
use crate::extension::{
    Body, By, Hold, Interval, MtPriority, Mtrk, Ret, Solicitation, Submitter, TransactionId, auth,
    checkpoint, deliver_by, dsn, eight_bit_mime, future_release, mt_priority, mtrk, no_soliciting, size,
};
use crate::grammar::date_time::DateTime;
use crate::grammar::word::owned_word;
use crate::grammar::xtext::Xtext;
use crate::grammar::{Parsed, whole};
use crate::syntax_error::SyntaxError;

/// The parameters of MAIL (RFC 5321 §4.1.1.11), every known value checked when they were read.
///
/// The owned form is [`MailParameters`].
///
/// ```
/// use smtpkit_codec::{MailParametersRef, Ret};
///
/// let parameters = MailParametersRef::parse("SIZE=1024 RET=HDRS ENVID=QQ314159 X-MOOD=good")?;
/// assert_eq!(parameters.size(), Some(1024));
/// assert_eq!(parameters.ret(), Some(Ret::Headers));
/// assert_eq!(parameters.envid().unwrap().as_str(), "QQ314159");
/// assert_eq!(parameters.unknown().count(), 1);
///
/// let error = MailParametersRef::parse("SIZE=1024 size=1").unwrap_err();
/// assert_eq!(error.to_string(), "expected each parameter once at octet 10");
/// # Ok::<(), smtpkit_codec::SyntaxError>(())
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MailParametersRef<'a>(List<'a>);

/// The owned form of [`MailParametersRef`], one allocation, none if empty; also their builder.
///
/// A setter puts its parameter in place of an earlier one of the same keyword.
///
/// ```
/// use smtpkit_codec::{Body, MailParameters};
///
/// let parameters = MailParameters::default().with_size(1024).with_body(Body::EightBitMime).with_smtputf8();
/// assert_eq!(parameters.to_string(), "SIZE=1024 BODY=8BITMIME SMTPUTF8");
/// # Ok::<(), smtpkit_codec::SyntaxError>(())
/// ```
#[derive(Clone, Default)]
pub struct MailParameters(ListBuf);

known_parameters! {
    MailKeyword {
        Size "SIZE" = size::size;
        Body "BODY" = eight_bit_mime::body;
        SmtpUtf8 "SMTPUTF8";
        Ret "RET" = dsn::ret;
        Envid "ENVID" = dsn::envid;
        Auth "AUTH" = auth::submitter;
        By "BY" = deliver_by::by;
        HoldFor "HOLDFOR" = future_release::interval;
        HoldUntil "HOLDUNTIL" = future_release::utc;
        MtPriority "MT-PRIORITY" = mt_priority::priority;
        RequireTls "REQUIRETLS";
        Mtrk "MTRK" = mtrk::mtrk;
        Conperm "CONPERM";
        Solicit "SOLICIT" = no_soliciting::solicitation;
        TransId "TRANSID" = checkpoint::transaction_id;
    }
    exclusive {
        HoldFor / HoldUntil;
    }
}

impl<'a> MailParametersRef<'a> {
    /// The parameters that `text` lists, separated by spaces.
    ///
    /// # Errors
    /// If a keyword or value does not follow the grammar, or a keyword comes twice.
    pub fn parse(text: &'a str) -> Result<Self, SyntaxError> {
        whole(text, mail_parameters)
    }

    /// The parameters as written.
    #[must_use]
    pub const fn as_str(self) -> &'a str {
        self.0.as_str()
    }

    /// Is there none?
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.as_str().is_empty()
    }

    /// `SIZE`: the octets of the content, as the client estimates them (RFC 1870).
    #[must_use]
    pub fn size(self) -> Option<u64> {
        self.0.get(MailKeyword::Size, size::size)
    }

    /// `BODY`: which octets the content holds (RFC 6152, RFC 3030).
    #[must_use]
    pub fn body(self) -> Option<Body> {
        self.0.get(MailKeyword::Body, eight_bit_mime::body)
    }

    /// `SMTPUTF8`: addresses or header fields hold UTF-8 (RFC 6531).
    #[must_use]
    pub fn smtputf8(self) -> bool {
        self.0.has(MailKeyword::SmtpUtf8)
    }

    /// `RET`: what a notification of failure gives back (RFC 3461).
    #[must_use]
    pub fn ret(self) -> Option<Ret> {
        self.0.get(MailKeyword::Ret, dsn::ret)
    }

    /// `ENVID`: the originator's name of the envelope (RFC 3461).
    #[must_use]
    pub fn envid(self) -> Option<Xtext<'a>> {
        self.0.get(MailKeyword::Envid, dsn::envid)
    }

    /// `AUTH`: who submitted the mail first (RFC 4954).
    #[must_use]
    pub fn auth(self) -> Option<Submitter<'a>> {
        self.0.get(MailKeyword::Auth, auth::submitter)
    }

    /// `BY`: by when to deliver (RFC 2852).
    #[must_use]
    pub fn by(self) -> Option<By> {
        self.0.get(MailKeyword::By, deliver_by::by)
    }

    /// `HOLDFOR` or `HOLDUNTIL`: when to release the mail (RFC 4865).
    #[must_use]
    pub fn hold(self) -> Option<Hold<'a>> {
        let until = || self.0.get(MailKeyword::HoldUntil, future_release::utc).map(Hold::Until);
        self.0.get(MailKeyword::HoldFor, future_release::interval).map(Hold::For).or_else(until)
    }

    /// `MT-PRIORITY`: how urgent the mail is (RFC 6710).
    #[must_use]
    pub fn mt_priority(self) -> Option<MtPriority> {
        self.0.get(MailKeyword::MtPriority, mt_priority::priority)
    }

    /// `REQUIRETLS`: go on over verified TLS only (RFC 8689).
    #[must_use]
    pub fn requiretls(self) -> bool {
        self.0.has(MailKeyword::RequireTls)
    }

    /// `MTRK`: let the mail be tracked (RFC 3885).
    #[must_use]
    pub fn mtrk(self) -> Option<Mtrk<'a>> {
        self.0.get(MailKeyword::Mtrk, mtrk::mtrk)
    }

    /// `CONPERM`: the content may be converted (RFC 4141).
    #[must_use]
    pub fn conperm(self) -> bool {
        self.0.has(MailKeyword::Conperm)
    }

    /// `SOLICIT`: what the mail solicits (RFC 3865).
    #[must_use]
    pub fn solicit(self) -> Option<Solicitation<'a>> {
        self.0.get(MailKeyword::Solicit, no_soliciting::solicitation)
    }

    /// `TRANSID`: the name by which the transaction may be resumed (RFC 1845).
    #[must_use]
    pub fn transid(self) -> Option<TransactionId<'a>> {
        self.0.get(MailKeyword::TransId, checkpoint::transaction_id)
    }

    /// All parameters in their order.
    pub fn iter(self) -> impl Iterator<Item = Parameter<'a>> {
        self.0.iter()
    }

    /// The parameters that this crate does not know. A server that does not know them either owes
    /// 555 (RFC 5321 §4.1.1.11).
    pub fn unknown(self) -> impl Iterator<Item = Parameter<'a>> {
        self.0.unknown::<MailKeyword>()
    }

    /// The owned form.
    #[must_use]
    pub fn to_owned(self) -> MailParameters {
        MailParameters(self.0.to_owned())
    }
}

impl MailParameters {
    /// The view of them; every getter is there.
    #[must_use]
    pub fn as_ref(&self) -> MailParametersRef<'_> {
        MailParametersRef(self.0.as_ref())
    }

    /// With `SIZE` (RFC 1870).
    #[must_use]
    pub fn with_size(self, octets: u64) -> Self {
        self.with(MailKeyword::Size, Some(&octets))
    }

    /// With `BODY` (RFC 6152, RFC 3030).
    #[must_use]
    pub fn with_body(self, body: Body) -> Self {
        self.with(MailKeyword::Body, Some(&body))
    }

    /// With `SMTPUTF8` (RFC 6531).
    #[must_use]
    pub fn with_smtputf8(self) -> Self {
        self.with(MailKeyword::SmtpUtf8, None)
    }

    /// With `RET` (RFC 3461).
    #[must_use]
    pub fn with_ret(self, ret: Ret) -> Self {
        self.with(MailKeyword::Ret, Some(&ret))
    }

    /// With `ENVID` (RFC 3461); `id` is plain text and is encoded here.
    ///
    /// # Errors
    /// If `id` is empty or its encoded form is longer than 100 octets.
    pub fn with_envid(self, id: &str) -> Result<Self, SyntaxError> {
        let encoded = Xtext::encode(id.as_bytes());
        whole(&encoded, dsn::envid)?;
        Ok(self.with(MailKeyword::Envid, Some(&encoded)))
    }

    /// With `AUTH` (RFC 4954).
    #[must_use]
    pub fn with_auth(self, submitter: Submitter<'_>) -> Self {
        self.with(MailKeyword::Auth, Some(&submitter))
    }

    /// With `BY` (RFC 2852).
    #[must_use]
    pub fn with_by(self, by: By) -> Self {
        self.with(MailKeyword::By, Some(&by))
    }

    /// With `HOLDFOR` (RFC 4865), instead of `HOLDUNTIL`.
    #[must_use]
    pub fn with_hold_for(self, interval: Interval) -> Self {
        self.with(MailKeyword::HoldFor, Some(&interval))
    }

    /// With `HOLDUNTIL` (RFC 4865), instead of `HOLDFOR`.
    ///
    /// # Errors
    /// If the moment is not in UTC.
    pub fn with_hold_until(self, moment: DateTime<'_>) -> Result<Self, SyntaxError> {
        let moment = whole(moment.as_str(), future_release::utc)?;
        Ok(self.with(MailKeyword::HoldUntil, Some(&moment)))
    }

    /// With `MT-PRIORITY` (RFC 6710).
    #[must_use]
    pub fn with_mt_priority(self, priority: MtPriority) -> Self {
        self.with(MailKeyword::MtPriority, Some(&priority))
    }

    /// With `REQUIRETLS` (RFC 8689).
    #[must_use]
    pub fn with_requiretls(self) -> Self {
        self.with(MailKeyword::RequireTls, None)
    }

    /// With `MTRK` (RFC 3885).
    #[must_use]
    pub fn with_mtrk(self, tracking: Mtrk<'_>) -> Self {
        self.with(MailKeyword::Mtrk, Some(&tracking))
    }

    /// With `CONPERM` (RFC 4141).
    #[must_use]
    pub fn with_conperm(self) -> Self {
        self.with(MailKeyword::Conperm, None)
    }

    /// With `SOLICIT` (RFC 3865).
    #[must_use]
    pub fn with_solicit(self, keywords: Solicitation<'_>) -> Self {
        self.with(MailKeyword::Solicit, Some(&keywords))
    }

    /// With `TRANSID` (RFC 1845).
    #[must_use]
    pub fn with_transid(self, id: TransactionId<'_>) -> Self {
        self.with(MailKeyword::TransId, Some(&id))
    }

    /// Adds any parameter, known or not.
    ///
    /// # Errors
    /// If it does not follow the grammar, or the keyword is there already; nothing is changed then.
    ///
    /// ```
    /// # use smtpkit_codec::MailParameters;
    /// let mut parameters = MailParameters::default();
    /// parameters.push_raw("X-MOOD", Some("good"))?;
    /// assert!(parameters.push_raw("X-MOOD", Some("bad")).is_err());
    /// assert!(parameters.push_raw("X", Some("a\r\nRSET")).is_err());
    /// assert_eq!(parameters.to_string(), "X-MOOD=good");
    /// # Ok::<(), smtpkit_codec::SyntaxError>(())
    /// ```
    pub fn push_raw(&mut self, keyword: &str, value: Option<&str>) -> Result<(), SyntaxError> {
        self.0.push_raw::<MailKeyword>(keyword, value)
    }

    /// Takes the parameter of that keyword out, if it is there.
    pub fn remove(&mut self, keyword: &str) {
        self.0.remove::<MailKeyword>(keyword);
    }

    fn with(mut self, keyword: MailKeyword, value: Option<&dyn fmt::Display>) -> Self {
        self.0.set(keyword, value);
        self
    }
}

impl fmt::Display for MailParametersRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

owned_word!(MailParameters, MailParametersRef, SyntaxError);

#[cfg(feature = "arbitrary")]
impl<'a> arbitrary::Arbitrary<'a> for MailParameters {
    fn arbitrary(u: &mut arbitrary::Unstructured<'a>) -> arbitrary::Result<Self> {
        const PARAMETERS: &[&str] = &[
            "SIZE=1024",
            "BODY=8BITMIME",
            "SMTPUTF8",
            "RET=FULL",
            "ENVID=a+2Bb",
            "AUTH=<>",
            "BY=60;NT",
            "HOLDFOR=9",
        ];
        let mut list = Self::default();
        for _ in 0..u.int_in_range(0..=PARAMETERS.len())? {
            let parameter = u.choose(PARAMETERS)?;
            let (keyword, value) =
                parameter.split_once('=').map_or((*parameter, None), |(k, v)| (k, Some(v)));
            list.remove(keyword);
            list.push_raw(keyword, value).map_err(|_| arbitrary::Error::IncorrectFormat)?;
        }
        Ok(list)
    }
}

/// `Mail-parameters` of RFC 5321 §4.1.2, to the end of the line.
#[inline]
pub(super) fn mail_parameters(input: &str) -> Parsed<'_, MailParametersRef<'_>> {
    parameter::list::<MailKeyword>(input).map(|(rest, list)| (rest, MailParametersRef(list)))
}

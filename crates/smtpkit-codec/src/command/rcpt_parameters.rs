//! The parameters of RCPT: one row and one getter for each that an extension defines.

use core::fmt;

use crate::extension::parameter::{self, List, ListBuf, Parameter, known_parameters};
use crate::extension::{Notify, Orcpt, Rrvs, dsn, rrvs};
use crate::grammar::word::owned_word;
use crate::grammar::{Parsed, whole};
use crate::syntax_error::SyntaxError;

/// The parameters of RCPT (RFC 5321 §4.1.1.11), every known value checked when they were read.
///
/// The owned form is [`RcptParameters`].
///
/// ```
/// use smtpkit_codec::{Notify, RcptParametersRef};
///
/// let parameters = RcptParametersRef::parse("NOTIFY=SUCCESS,DELAY ORCPT=rfc822;joe@example.org")?;
/// assert_eq!(parameters.notify(), Some(Notify::SUCCESS.or(Notify::DELAY)));
/// assert_eq!(parameters.orcpt().unwrap().address(), "joe@example.org");
/// assert!(RcptParametersRef::parse("NOTIFY=NEVER,DELAY").is_err());
/// # Ok::<(), smtpkit_codec::SyntaxError>(())
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RcptParametersRef<'a>(List<'a>);

/// The owned form of [`RcptParametersRef`], one allocation, none if empty; also their builder.
///
/// A setter puts its parameter in place of an earlier one of the same keyword.
///
/// ```
/// use smtpkit_codec::{Notify, RcptParameters};
///
/// let parameters = RcptParameters::default().with_notify(Notify::FAILURE).with_orcpt("joe@example.org")?;
/// assert_eq!(parameters.to_string(), "NOTIFY=FAILURE ORCPT=rfc822;joe@example.org");
/// # Ok::<(), smtpkit_codec::SyntaxError>(())
/// ```
#[derive(Clone, Default)]
pub struct RcptParameters(ListBuf);

known_parameters! {
    RcptKeyword {
        Notify "NOTIFY" = dsn::notify;
        Orcpt "ORCPT" = dsn::orcpt;
        Rrvs "RRVS" = rrvs::rrvs;
        Conneg "CONNEG";
    }
    exclusive {}
}

impl<'a> RcptParametersRef<'a> {
    /// The parameters that `text` lists, separated by spaces.
    ///
    /// # Errors
    /// If a keyword or value does not follow the grammar, or a keyword comes twice.
    pub fn parse(text: &'a str) -> Result<Self, SyntaxError> {
        whole(text, rcpt_parameters)
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

    /// `NOTIFY`: when to notify the originator (RFC 3461).
    #[must_use]
    pub fn notify(self) -> Option<Notify> {
        self.0.get(RcptKeyword::Notify, dsn::notify)
    }

    /// `ORCPT`: the recipient as the originator named it (RFC 3461, RFC 6533).
    #[must_use]
    pub fn orcpt(self) -> Option<Orcpt<'a>> {
        self.0.get(RcptKeyword::Orcpt, dsn::orcpt)
    }

    /// `RRVS`: since when the mailbox must have had the same owner (RFC 7293).
    #[must_use]
    pub fn rrvs(self) -> Option<Rrvs<'a>> {
        self.0.get(RcptKeyword::Rrvs, rrvs::rrvs)
    }

    /// `CONNEG`: the client asks what content the recipient can take (RFC 4141).
    #[must_use]
    pub fn conneg(self) -> bool {
        self.0.has(RcptKeyword::Conneg)
    }

    /// All parameters in their order.
    pub fn iter(self) -> impl Iterator<Item = Parameter<'a>> {
        self.0.iter()
    }

    /// The parameters that this crate does not know. A server that does not know them either owes
    /// 555 (RFC 5321 §4.1.1.11).
    pub fn unknown(self) -> impl Iterator<Item = Parameter<'a>> {
        self.0.unknown::<RcptKeyword>()
    }

    /// The owned form.
    #[must_use]
    pub fn to_owned(self) -> RcptParameters {
        RcptParameters(self.0.to_owned())
    }
}

impl RcptParameters {
    /// The view of them; every getter is there.
    #[must_use]
    pub fn as_ref(&self) -> RcptParametersRef<'_> {
        RcptParametersRef(self.0.as_ref())
    }

    /// With `NOTIFY` (RFC 3461).
    #[must_use]
    pub fn with_notify(self, notify: Notify) -> Self {
        self.with(RcptKeyword::Notify, Some(&notify))
    }

    /// With `ORCPT` for a mailbox (RFC 3461, RFC 6533), which is encoded here.
    ///
    /// # Errors
    /// If `mailbox` is empty, holds a control outside of ASCII, or its encoded form is longer than
    /// 500 octets.
    pub fn with_orcpt(self, mailbox: &str) -> Result<Self, SyntaxError> {
        let encoded = Orcpt::encode(mailbox);
        let orcpt = Orcpt::new(&encoded)?;
        Ok(self.with(RcptKeyword::Orcpt, Some(&orcpt)))
    }

    /// With `ORCPT` as another server has encoded it.
    #[must_use]
    pub fn with_encoded_orcpt(self, orcpt: Orcpt<'_>) -> Self {
        self.with(RcptKeyword::Orcpt, Some(&orcpt))
    }

    /// With `RRVS` (RFC 7293).
    #[must_use]
    pub fn with_rrvs(self, rrvs: Rrvs<'_>) -> Self {
        self.with(RcptKeyword::Rrvs, Some(&rrvs))
    }

    /// With `CONNEG` (RFC 4141).
    #[must_use]
    pub fn with_conneg(self) -> Self {
        self.with(RcptKeyword::Conneg, None)
    }

    /// Adds any parameter, known or not.
    ///
    /// # Errors
    /// If it does not follow the grammar, or the keyword is there already; nothing is changed then.
    pub fn push_raw(&mut self, keyword: &str, value: Option<&str>) -> Result<(), SyntaxError> {
        self.0.push_raw::<RcptKeyword>(keyword, value)
    }

    /// Takes the parameter of that keyword out, if it is there.
    pub fn remove(&mut self, keyword: &str) {
        self.0.remove::<RcptKeyword>(keyword);
    }

    fn with(mut self, keyword: RcptKeyword, value: Option<&dyn fmt::Display>) -> Self {
        self.0.set(keyword, value);
        self
    }
}

impl fmt::Display for RcptParametersRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

owned_word!(RcptParameters, RcptParametersRef, SyntaxError);

#[cfg(feature = "arbitrary")]
impl<'a> arbitrary::Arbitrary<'a> for RcptParameters {
    fn arbitrary(u: &mut arbitrary::Unstructured<'a>) -> arbitrary::Result<Self> {
        const PARAMETERS: &[&str] =
            &["NOTIFY=NEVER", "NOTIFY=FAILURE", "ORCPT=rfc822;a@b", "RRVS=2030-01-01T00:00:00Z", "CONNEG"];
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

/// `Rcpt-parameters` of RFC 5321 §4.1.2, to the end of the line.
#[inline]
pub(super) fn rcpt_parameters(input: &str) -> Parsed<'_, RcptParametersRef<'_>> {
    parameter::list::<RcptKeyword>(input).map(|(rest, list)| (rest, RcptParametersRef(list)))
}

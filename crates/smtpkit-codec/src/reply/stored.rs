//! How replies are stored (feature `serde`) and made up (feature `arbitrary`). A stored
//! reply is checked when it is read, like any other text.

#[cfg(feature = "serde")]
mod with_serde {
    use alloc::borrow::Cow;
    use alloc::string::String;

    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::reply::{EnhancedStatusCode, Reply, ReplyCode};

    /// As a number.
    impl Serialize for ReplyCode {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_u16(self.get())
        }
    }

    impl<'de> Deserialize<'de> for ReplyCode {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            let code = u16::deserialize(deserializer)?;
            Self::new(code).ok_or_else(|| D::Error::custom("expected a reply code from 200 to 599"))
        }
    }

    /// As text, such as `5.1.1`.
    impl Serialize for EnhancedStatusCode {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_str(self)
        }
    }

    impl<'de> Deserialize<'de> for EnhancedStatusCode {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            let text = <Cow<'de, str>>::deserialize(deserializer)?;
            text.parse().map_err(D::Error::custom)
        }
    }

    #[derive(Serialize, Deserialize)]
    struct Stored {
        code: ReplyCode,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        enhanced: Option<EnhancedStatusCode>,
        text: String,
    }

    /// As code, enhanced code and text; octets that are not UTF-8 are replaced.
    impl Serialize for Reply {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            Stored { code: self.code(), enhanced: self.enhanced(), text: self.text() }.serialize(serializer)
        }
    }

    impl<'de> Deserialize<'de> for Reply {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            let Stored { code, enhanced, text } = Stored::deserialize(deserializer)?;
            Self::new(code, enhanced, &text).map_err(D::Error::custom)
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_stored_reply_is_the_same_reply_or_none() {
            let reply = Reply::new(ReplyCode::OK, Some(EnhancedStatusCode::OK), "a\nb").unwrap();
            let stored = serde_json::to_string(&reply).unwrap();
            assert_eq!(stored, r#"{"code":250,"enhanced":"2.0.0","text":"a\nb"}"#);
            assert_eq!(serde_json::from_str::<Reply>(&stored).unwrap(), reply);
            for bad in [
                r#"{"code":199,"text":""}"#,
                r#"{"code":250,"enhanced":"5.0.0","text":""}"#,
                r#"{"code":250,"enhanced":"2.0","text":""}"#,
                r#"{"code":250,"text":"a\r\nb"}"#,
            ] {
                assert!(serde_json::from_str::<Reply>(bad).is_err(), "{bad}");
            }
        }
    }
}

#[cfg(feature = "arbitrary")]
mod with_arbitrary {
    use alloc::vec::Vec;

    use arbitrary::{Arbitrary, Error, Result, Unstructured};

    use crate::reply::{EnhancedStatusCode, Reply, ReplyCode, StatusClass};

    impl<'a> Arbitrary<'a> for ReplyCode {
        fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
            Self::new(u.int_in_range(200..=599)?).ok_or(Error::IncorrectFormat)
        }
    }

    impl<'a> Arbitrary<'a> for EnhancedStatusCode {
        fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
            let class = *u.choose(&[StatusClass::Success, StatusClass::Transient, StatusClass::Permanent])?;
            let (subject, detail) = (u.int_in_range(0..=999)?, u.int_in_range(0..=999)?);
            Self::new(class, subject, detail).ok_or(Error::IncorrectFormat)
        }
    }

    impl<'a> Arbitrary<'a> for Reply {
        fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
            let (code, enhanced) = (ReplyCode::arbitrary(u)?, <Option<EnhancedStatusCode>>::arbitrary(u)?);
            let class = StatusClass::of(code.severity());
            let enhanced = enhanced.filter(|enhanced| class == Some(enhanced.class()));
            let lines: Vec<&[u8]> = u.arbitrary()?;
            Self::from_lines(code, enhanced, lines).map_err(|_| Error::IncorrectFormat)
        }
    }
}

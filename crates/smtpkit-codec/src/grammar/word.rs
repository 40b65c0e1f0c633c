//! What the owned form of a word can do, written once: it is the text in one allocation, and
//! everything but its storage is asked of its view.

/// Gives an owned word the traits that its view answers for.
///
/// `$Owned` has `as_ref(&self) -> $View<'_>`; `$View` has `parse(&str) -> Result<Self, $Error>` and
/// `to_owned(self) -> $Owned`, and is `Display`, `Ord` and `Hash`.
macro_rules! owned_word {
    ($Owned:ident, $View:ident, $Error:ty) => {
        impl core::str::FromStr for $Owned {
            type Err = $Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                $View::parse(text).map($View::to_owned)
            }
        }

        impl From<$View<'_>> for $Owned {
            fn from(view: $View<'_>) -> Self {
                view.to_owned()
            }
        }

        impl<'a> From<&'a $Owned> for $View<'a> {
            fn from(owned: &'a $Owned) -> Self {
                owned.as_ref()
            }
        }

        impl<'a> TryFrom<&'a str> for $View<'a> {
            type Error = $Error;

            fn try_from(text: &'a str) -> Result<Self, Self::Error> {
                Self::parse(text)
            }
        }

        impl core::fmt::Display for $Owned {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                core::fmt::Display::fmt(&self.as_ref(), f)
            }
        }

        impl core::fmt::Debug for $Owned {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                write!(f, concat!(stringify!($Owned), "({})"), self.as_ref())
            }
        }

        impl core::fmt::Debug for $View<'_> {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                write!(f, concat!(stringify!($View), "({})"), self)
            }
        }

        impl PartialEq for $Owned {
            fn eq(&self, other: &Self) -> bool {
                self.as_ref() == other.as_ref()
            }
        }

        impl Eq for $Owned {}

        impl PartialEq<$View<'_>> for $Owned {
            fn eq(&self, other: &$View<'_>) -> bool {
                self.as_ref() == *other
            }
        }

        impl core::hash::Hash for $Owned {
            fn hash<H: core::hash::Hasher>(&self, state: &mut H) {
                self.as_ref().hash(state);
            }
        }

        impl PartialOrd for $Owned {
            fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
                Some(self.cmp(other))
            }
        }

        impl Ord for $Owned {
            fn cmp(&self, other: &Self) -> core::cmp::Ordering {
                self.as_ref().cmp(&other.as_ref())
            }
        }

        #[cfg(feature = "serde")]
        impl serde::Serialize for $Owned {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        #[cfg(feature = "serde")]
        impl<'de> serde::Deserialize<'de> for $Owned {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <alloc::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

pub(crate) use owned_word;

//! The client's words for the choices, both ways: what is written to it, and what a configuration file says.

use crate::settings::{Acks, Compression, Partitioner, SaslMechanism, SecurityProtocol};

/// A choice that librdkafka and kafka-python call by the same name.
pub(crate) trait Named: Copy + PartialEq + 'static {
    /// Every value once.
    const NAMES: &'static [(Self, &'static str)];

    fn client_name(self) -> &'static str;

    /// The value of that name in capital or small letters.
    ///
    /// # Errors
    /// The names that there are, in words.
    fn from_client_name(text: &str) -> Result<Self, String> {
        let found = Self::NAMES.iter().find(|(_, name)| name.eq_ignore_ascii_case(text));
        found.map(|(value, _)| *value).ok_or_else(|| {
            let names: Vec<&str> = Self::NAMES.iter().map(|(_, name)| *name).collect();
            names.join(", ")
        })
    }
}

/// One row for each value: a value without a row does not compile.
macro_rules! names {
    ($choice:ty: $($value:ident = $name:literal,)*) => {
        impl Named for $choice {
            const NAMES: &'static [(Self, &'static str)] = &[$((Self::$value, $name)),*];

            fn client_name(self) -> &'static str {
                match self {
                    $(Self::$value => $name,)*
                }
            }
        }
    };
}

names! {
    Acks:
    All = "all",
    Leader = "1",
    None = "0",
}

names! {
    Compression:
    Gzip = "gzip",
    Snappy = "snappy",
    Lz4 = "lz4",
    Zstd = "zstd",
    None = "none",
}

names! {
    Partitioner:
    Murmur2Random = "murmur2_random",
    Murmur2 = "murmur2",
    ConsistentRandom = "consistent_random",
    Consistent = "consistent",
    Fnv1aRandom = "fnv1a_random",
    Fnv1a = "fnv1a",
    Random = "random",
}

names! {
    SecurityProtocol:
    Plaintext = "plaintext",
    Ssl = "ssl",
    SaslPlaintext = "sasl_plaintext",
    SaslSsl = "sasl_ssl",
}

names! {
    SaslMechanism:
    Plain = "PLAIN",
    ScramSha256 = "SCRAM-SHA-256",
    ScramSha512 = "SCRAM-SHA-512",
    OauthBearer = "OAUTHBEARER",
}

#[cfg(test)]
mod tests {
    use super::*;
    use glib::prelude::StaticType;
    use std::fmt::Debug;

    /// Every value has a name of its own, and comes back from it.
    #[track_caller]
    fn check<T: Named + Debug + StaticType + glib::HasParamSpec<ParamSpec = glib::ParamSpecEnum>>() {
        let values = glib::EnumClass::new::<T>().values().len();
        assert_eq!(T::NAMES.len(), values, "a value without a name, or with two");
        for (value, name) in T::NAMES {
            assert_eq!(value.client_name(), *name);
            assert_eq!(T::from_client_name(name), Ok(*value));
        }
    }

    #[test]
    fn names_go_both_ways() {
        check::<Acks>();
        check::<Compression>();
        check::<Partitioner>();
        check::<SecurityProtocol>();
        check::<SaslMechanism>();
        assert_eq!(SecurityProtocol::from_client_name("SASL_SSL"), Ok(SecurityProtocol::SaslSsl));
        assert_eq!(Acks::from_client_name("most"), Err("all, 1, 0".into()));
    }
}

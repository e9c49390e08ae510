//! A moment on the wire: RFC 3339 text outside, microseconds inside.

use crate::time::Micros;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A moment, written as RFC 3339 in UTC (`2027-03-31T00:00:00Z`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(pub Micros);

impl std::fmt::Display for Timestamp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl From<Micros> for Timestamp {
    fn from(micros: Micros) -> Self {
        Self(micros)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let moment: jiff::Timestamp = text
            .parse()
            .map_err(|_| serde::de::Error::custom("a time is RFC 3339 text such as 2027-03-31T00:00:00Z"))?;
        Ok(Self(Micros(moment.as_microsecond())))
    }
}

#[cfg(test)]
mod tests {
    use super::Timestamp;
    use crate::time::Micros;

    #[test]
    fn travels_as_rfc_3339() {
        let moment = Timestamp(Micros(1_795_000_000_123_456));
        let text = serde_json::to_string(&moment).expect("serialises");
        assert_eq!(text, "\"2026-11-18T11:06:40.123456Z\"");
        assert_eq!(serde_json::from_str::<Timestamp>(&text).expect("parses"), moment);
        assert!(serde_json::from_str::<Timestamp>("\"tomorrow\"").is_err());
    }
}

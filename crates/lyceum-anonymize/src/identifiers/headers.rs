//! What a column's name says of its values.

use super::Kind;

/// A column's name in words, lower case.
pub(super) struct Words(Vec<String>);

impl Words {
    pub(super) fn new(header: &str) -> Self {
        let mut words = vec![String::new()];
        let mut last_was_lower = false;
        for c in header.chars() {
            let starts = !c.is_alphanumeric() || (c.is_uppercase() && last_was_lower);
            if starts {
                words.push(String::new());
            }
            if c.is_alphanumeric()
                && let Some(word) = words.last_mut()
            {
                word.extend(c.to_lowercase());
            }
            last_was_lower = c.is_lowercase();
        }
        words.retain(|w| !w.is_empty());
        Self(words)
    }

    fn any(&self, list: &[&str]) -> bool {
        self.0.iter().any(|w| list.contains(&w.as_str()))
    }

    /// Two words that follow each other, or are written as one.
    fn pair(&self, first: &str, second: &str) -> bool {
        self.0.windows(2).any(|w| w[0] == first && w[1] == second)
            || self.0.iter().any(|w| w.strip_prefix(first) == Some(second))
    }

    /// Whether the name says that the values are of this kind.
    pub(super) fn suggests(&self, kind: Kind) -> bool {
        match kind {
            Kind::Email => self.any(&["email", "mail", "emailaddress", "courriel", "correo"]) || self.pair("e", "mail"),
            Kind::Phone => self.any(&[
                "phone",
                "telephone",
                "tel",
                "mobile",
                "cell",
                "fax",
                "msisdn",
                "phonenumber",
                "telefon",
                "handy",
                "telefono",
                "portable",
                "whatsapp",
            ]),
            Kind::Ipv4 | Kind::Ipv6 => self.any(&["ip", "ipv4", "ipv6", "ipaddress", "addr", "host", "remote"]),
            Kind::Iban => self.any(&["iban", "account", "konto"]),
            Kind::PaymentCard => self.any(&["card", "pan", "cc", "creditcard", "cardnumber", "kreditkarte"]),
            Kind::UrlWithId => self.any(&["url", "uri", "link", "referrer", "referer"]),
            Kind::AnalyticsClientId => self.any(&["ga", "cid", "clientid"]) || self.pair("client", "id"),
            Kind::AdvertisingId => {
                self.any(&["idfa", "gaid", "aaid", "adid", "idfv", "maid", "ifa", "oaid", "device", "advertising"])
            }
            Kind::HexDigest => {
                self.any(&["hash", "hashed", "md5", "sha", "sha1", "sha256", "hem", "digest"])
                    || self.suggests(Kind::Email)
            }
            Kind::ClickId => {
                self.any(&["gclid", "fbclid", "msclkid", "dclid", "ttclid", "clickid", "wbraid", "gbraid"])
                    || self.pair("click", "id")
            }
            Kind::NationalId => {
                self.any(&[
                    "ssn",
                    "nin",
                    "nino",
                    "nir",
                    "bsn",
                    "pesel",
                    "dni",
                    "nie",
                    "cpf",
                    "personnummer",
                    "steuerid",
                    "nhs",
                    "passport",
                    "insee",
                    "codicefiscale",
                    "cpr",
                    "national",
                    "tin",
                    "taxid",
                ]) || self.pair("tax", "id")
                    || self.pair("steuer", "id")
                    || self.pair("social", "security")
                    || self.pair("codice", "fiscale")
            }
            Kind::PersonName => self.is_person_name(),
        }
    }

    fn is_person_name(&self) -> bool {
        const ALONE: &[&str] = &[
            "firstname",
            "lastname",
            "fullname",
            "surname",
            "forename",
            "vorname",
            "nachname",
            "prenom",
            "apellido",
            "cognome",
            "givenname",
            "familyname",
            "middlename",
            "maidenname",
        ];
        const BEFORE: &[&str] = &[
            "first",
            "last",
            "full",
            "given",
            "family",
            "middle",
            "maiden",
            "sur",
            "customer",
            "person",
            "user",
            "contact",
            "patient",
            "employee",
            "cardholder",
            "holder",
        ];
        self.any(ALONE) || (self.any(&["name"]) && self.any(BEFORE)) || self.0 == ["name"]
    }
}

/// The kind of direct identifier that a column's name names, for drafting.
pub(crate) fn suggests(header: &str) -> Option<Kind> {
    const STRONG: [Kind; 10] = [
        Kind::Email,
        Kind::Phone,
        Kind::Iban,
        Kind::PaymentCard,
        Kind::AdvertisingId,
        Kind::ClickId,
        Kind::NationalId,
        Kind::PersonName,
        Kind::HexDigest,
        Kind::Ipv4,
    ];
    let words = Words::new(header);
    STRONG.into_iter().find(|kind| words.suggests(*kind))
}

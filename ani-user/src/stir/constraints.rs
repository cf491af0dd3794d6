//! What a certificate allows its owner to claim: JWTClaimConstraints (RFC 8226 §8) and
//! EnhancedJWTClaimConstraints (RFC 9118 §3).
//!
//! `iat`, `orig` and `dest` belong to every PASSporT: they need no mention, and they cannot be
//! excluded. An authority must not put both extensions into one certificate; where one did, both are
//! kept, for each only narrows what may be claimed.

use der::{
    Decode as _, Encode as _, Sequence,
    asn1::{Ia5String, ObjectIdentifier},
};
use serde::Serialize;
use serde_json::{Map, Value};

/// `id-pe-JWTClaimConstraints`.
pub const OID: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.1.27");

/// `id-pe-eJWTClaimConstraints`.
pub const ENHANCED_OID: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.1.33");

/// Claims of every PASSporT (RFC 8225 §5).
const BASELINE: [&str; 3] = ["iat", "orig", "dest"];

/// What one extension says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Constraints {
    /// Claims that must be there, beside those of every PASSporT.
    pub must_include: Vec<String>,
    /// Values that a claim may have, where it is there.
    pub permitted: Vec<Permitted>,
    /// Claims that must not be there.
    pub must_exclude: Vec<String>,
}

/// The values that one claim may have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Permitted {
    /// The claim.
    pub claim: String,
    /// Its values, as the certificate has them: a string without quotes, all else as JSON.
    pub values: Vec<String>,
}

/// What is no such extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no constraints as RFC 8226 §8 and RFC 9118 §3 have them")]
pub struct Malformed;

impl Constraints {
    /// Reads the value of JWTClaimConstraints, DER.
    pub fn read(der: &[u8]) -> Result<Self, Malformed> {
        let read = Plain::from_der(der).map_err(|_| Malformed)?;
        Ok(Self {
            must_include: names(read.must_include),
            permitted: permitted(read.permitted_values),
            must_exclude: Vec::new(),
        })
    }

    /// Reads the value of EnhancedJWTClaimConstraints, DER; none when it excludes a claim of every
    /// PASSporT, for then it counts as not there (RFC 9118 §3).
    pub fn read_enhanced(der: &[u8]) -> Result<Option<Self>, Malformed> {
        let read = Enhanced::from_der(der).map_err(|_| Malformed)?;
        let must_exclude = names(read.must_exclude);
        if must_exclude.iter().any(|claim| BASELINE.contains(&claim.as_str())) {
            return Ok(None);
        }
        Ok(Some(Self {
            must_include: names(read.must_include),
            permitted: permitted(read.permitted_values),
            must_exclude,
        }))
    }

    /// The value of JWTClaimConstraints, DER, without what is excluded: it has no place for that.
    pub fn write(&self) -> der::Result<Vec<u8>> {
        let Enhanced { must_include, permitted_values, .. } = self.to_asn1()?;
        Plain { must_include, permitted_values }.to_der()
    }

    /// The value of EnhancedJWTClaimConstraints, DER.
    pub fn write_enhanced(&self) -> der::Result<Vec<u8>> {
        self.to_asn1()?.to_der()
    }

    /// Whether claims keep to them.
    pub fn permit(&self, claims: &Map<String, Value>) -> bool {
        self.must_include.iter().all(|claim| claims.contains_key(claim))
            && !self.must_exclude.iter().any(|claim| claims.contains_key(claim))
            && self.permitted.iter().all(|permitted| {
                claims.get(&permitted.claim).is_none_or(|value| permitted.has(value))
            })
    }

    fn to_asn1(&self) -> der::Result<Enhanced> {
        let permitted_values = self
            .permitted
            .iter()
            .map(|Permitted { claim, values }| {
                Ok(ClaimValues { claim: Ia5String::new(claim)?, permitted: values.clone() })
            })
            .collect::<der::Result<Vec<_>>>()?;
        Ok(Enhanced {
            must_include: claims(&self.must_include)?,
            permitted_values: (!permitted_values.is_empty()).then_some(permitted_values),
            must_exclude: claims(&self.must_exclude)?,
        })
    }
}

impl Permitted {
    /// A string is compared as it is, all else by what it means: the certificate's text need not
    /// have its members in the same order.
    fn has(&self, value: &Value) -> bool {
        match value {
            Value::String(text) => self.values.contains(text),
            _ => self.values.iter().any(|permitted| {
                serde_json::from_str::<Value>(permitted).is_ok_and(|permitted| permitted == *value)
            }),
        }
    }
}

#[derive(Sequence)]
struct Plain {
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    must_include: Option<Vec<Ia5String>>,
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    permitted_values: Option<Vec<ClaimValues>>,
}

#[derive(Sequence)]
struct Enhanced {
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    must_include: Option<Vec<Ia5String>>,
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    permitted_values: Option<Vec<ClaimValues>>,
    #[asn1(context_specific = "2", tag_mode = "EXPLICIT", optional = "true")]
    must_exclude: Option<Vec<Ia5String>>,
}

#[derive(Sequence)]
struct ClaimValues {
    claim: Ia5String,
    permitted: Vec<String>,
}

fn names(claims: Option<Vec<Ia5String>>) -> Vec<String> {
    claims.into_iter().flatten().map(|claim| claim.as_str().to_owned()).collect()
}

fn permitted(values: Option<Vec<ClaimValues>>) -> Vec<Permitted> {
    let values = values.into_iter().flatten();
    values
        .map(|ClaimValues { claim, permitted }| Permitted {
            claim: claim.as_str().to_owned(),
            values: permitted,
        })
        .collect()
}

/// None for an empty list, which ASN.1 has no form for here.
fn claims(names: &[String]) -> der::Result<Option<Vec<Ia5String>>> {
    let names = names.iter().map(Ia5String::new).collect::<der::Result<Vec<_>>>()?;
    Ok((!names.is_empty()).then_some(names))
}

#[cfg(test)]
mod tests;

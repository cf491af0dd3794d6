//! From JSON to claims, without a copy of what has no escapes.

use std::{borrow::Cow, fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{self, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Value};
use smallvec::SmallVec;

use super::{Claim, Claims, Header, Parties, Party, Rcd, Rph, Text};

/// What a claim can be read from. Anything else is of the wrong type.
trait Form<'de>: Sized {
    fn text(_text: Text<'de>) -> Claim<Self> {
        Claim::Wrong
    }

    fn seconds(_seconds: i64) -> Claim<Self> {
        Claim::Wrong
    }

    fn list<A: SeqAccess<'de>>(mut list: A) -> Result<Claim<Self>, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Claim::Wrong)
    }

    fn object<A: MapAccess<'de>>(mut object: A) -> Result<Claim<Self>, A::Error> {
        while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Claim::Wrong)
    }
}

impl<'de> Form<'de> for Text<'de> {
    fn text(text: Text<'de>) -> Claim<Self> {
        Claim::Is(text)
    }
}

impl<'de> Form<'de> for i64 {
    fn seconds(seconds: i64) -> Claim<Self> {
        Claim::Is(seconds)
    }
}

impl<'de> Form<'de> for SmallVec<[Text<'de>; 1]> {
    fn list<A: SeqAccess<'de>>(mut list: A) -> Result<Claim<Self>, A::Error> {
        let (mut all, mut wrong) = (Self::new(), false);
        while let Some(one) = list.next_element::<Claim<Text<'de>>>()? {
            match one {
                Claim::Is(text) => all.push(text),
                Claim::Missing | Claim::Wrong => wrong = true,
            }
        }
        Ok(if wrong { Claim::Wrong } else { Claim::Is(all) })
    }
}

/// Reads the named members of an object into fields of the same name; others are passed over.
macro_rules! object {
    ($object:ident, $($name:literal => $field:ident),*) => {{
        let mut read = Self::default();
        while let Some(Key(key)) = $object.next_key()? {
            match &*key {
                $($name => read.$field.set($object.next_value()?),)*
                _ => { $object.next_value::<IgnoredAny>()?; }
            }
        }
        read
    }};
}

impl<'de> Form<'de> for Party<'de> {
    fn object<A: MapAccess<'de>>(mut object: A) -> Result<Claim<Self>, A::Error> {
        Ok(Claim::Is(object!(object, "tn" => tn, "uri" => uri)))
    }
}

impl<'de> Form<'de> for Parties<'de> {
    fn object<A: MapAccess<'de>>(mut object: A) -> Result<Claim<Self>, A::Error> {
        Ok(Claim::Is(object!(object, "tn" => tn, "uri" => uri)))
    }
}

impl<'de> Form<'de> for Rph<'de> {
    fn object<A: MapAccess<'de>>(mut object: A) -> Result<Claim<Self>, A::Error> {
        Ok(Claim::Is(object!(object, "auth" => auth)))
    }
}

impl<'de> Form<'de> for Rcd<'de> {
    fn object<A: MapAccess<'de>>(mut object: A) -> Result<Claim<Self>, A::Error> {
        Ok(Claim::Is(object!(object, "nam" => nam)))
    }
}

impl<'de, T: Form<'de>> Deserialize<'de> for Claim<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyType(PhantomData))
    }
}

/// Takes JSON of any type.
struct AnyType<T>(PhantomData<T>);

impl<'de, T: Form<'de>> Visitor<'de> for AnyType<T> {
    type Value = Claim<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Claim<T>, E> {
        Ok(T::text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Claim<T>, E> {
        Ok(T::text(Cow::Owned(text.to_owned())))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Claim<T>, E> {
        Ok(i64::try_from(number).map_or(Claim::Wrong, T::seconds))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Claim<T>, E> {
        Ok(T::seconds(number))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Claim<T>, E> {
        // Far beyond any time, and within what both types hold to the second.
        const FAR: f64 = (1_u64 << 52) as f64;
        Ok(if number.abs() < FAR { T::seconds(number.floor() as i64) } else { Claim::Wrong })
    }

    fn visit_bool<E>(self, _: bool) -> Result<Claim<T>, E> {
        Ok(Claim::Wrong)
    }

    fn visit_unit<E>(self) -> Result<Claim<T>, E> {
        Ok(Claim::Wrong)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Claim<T>, A::Error> {
        T::list(list)
    }

    fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<Claim<T>, A::Error> {
        T::object(object)
    }
}

/// The name of a member; borrowed where it has no escapes.
struct Key<'de>(Text<'de>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Name;
        impl<'de> Visitor<'de> for Name {
            type Value = Key<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a member")
            }

            fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Borrowed(name)))
            }

            fn visit_str<E>(self, name: &str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Owned(name.to_owned())))
            }
        }
        deserializer.deserialize_str(Name)
    }
}

/// Reads an object, and nothing else, into the fields of a type.
macro_rules! reader {
    ($type:ident, $visitor:ident, $read:ident, $object:ident, $($name:literal => $do:expr),*) => {
        impl<'de> Deserialize<'de> for $type<'de> {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_map($visitor)
            }
        }

        struct $visitor;

        impl<'de> Visitor<'de> for $visitor {
            type Value = $type<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(
                self,
                mut $object: A,
            ) -> Result<$type<'de>, A::Error> {
                let mut $read = $type::default();
                while let Some(Key(key)) = $object.next_key()? {
                    match &*key {
                        $($name => $do,)*
                        _ => { $object.next_value::<IgnoredAny>()?; }
                    }
                }
                Ok($read)
            }
        }
    };
}

reader!(Header, OfHeader, read, object,
    "alg" => read.alg.set(object.next_value()?),
    "ppt" => read.ppt.set(object.next_value()?),
    "typ" => read.typ.set(object.next_value()?),
    "x5u" => read.x5u.set(object.next_value()?)
);

reader!(Claims, OfClaims, read, object,
    "attest" => read.attest.set(object.next_value()?),
    "crn" => read.crn.set(object.next_value()?),
    "dest" => read.dest.set(object.next_value()?),
    "div" => read.div.set(object.next_value()?),
    "iat" => read.iat.set(object.next_value()?),
    "opt" => read.opt.set(object.next_value()?),
    "orig" => read.orig.set(object.next_value()?),
    "origid" => read.origid.set(object.next_value()?),
    "rcd" => read.rcd.set(object.next_value()?),
    "rcdi" => { object.next_value::<IgnoredAny>()?; read.rcdi = true; },
    "rph" => read.rph.set(object.next_value()?)
);

/// An object whose members have names of their own.
pub(super) struct Unique(pub Map<String, Value>);

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfUnique;
        impl<'de> Visitor<'de> for OfUnique {
            type Value = Unique;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object whose members have names of their own")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Unique, A::Error> {
                let mut map = Map::new();
                while let Some((name, value)) = object.next_entry::<String, Value>()? {
                    if map.insert(name, value).is_some() {
                        return Err(de::Error::custom("a member that stands twice"));
                    }
                }
                Ok(Unique(map))
            }
        }
        deserializer.deserialize_map(OfUnique)
    }
}

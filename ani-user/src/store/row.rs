//! Numbers and entries as they stand in a row: a number is its digits read as an integer, so that
//! `sqlite3` shows what it is; E.164 numbers never start with zero.

use ani_ebpf::abi::number::Number;
use rusqlite::{Row, types::Type};

use crate::{policy::Block, time::Timestamp};

/// The digits as an integer; at most 16 of them, so it always fits.
pub(super) fn key(number: Number) -> i64 {
    (0..number.len()).fold(0, |key, at| key * 10 + i64::from(number.digit(at)))
}

/// The number of a key.
pub(super) fn number(key: i64) -> rusqlite::Result<Number> {
    u64::try_from(key)
        .ok()
        .and_then(|key| Number::from_ascii(key.to_string().as_bytes()))
        .ok_or_else(|| {
            let error = format!("{key} is no telephone number").into();
            rusqlite::Error::FromSqlConversionFailure(0, Type::Integer, error)
        })
}

/// An entry from the columns number, expires, reason, added.
pub(super) fn entry(row: &Row<'_>) -> rusqlite::Result<Block> {
    Ok(Block {
        number: number(row.get(0)?)?,
        expires: row.get::<_, Option<i64>>(1)?.map(Timestamp),
        reason: row.get(2)?,
        added: Timestamp(row.get(3)?),
    })
}

//! The parser and rsip on one message.

use ::rsip::{
    Header, Method, Request, Uri,
    prelude::{HeadersExt as _, ToTypedHeader as _, UntypedHeader as _},
};

use crate::sip::{self, Invite, NameAddr, Scheme};

/// Where the parser finds nothing wrong and rsip takes the message, too, both read the same. Whether
/// that was so.
pub fn rsip(data: &[u8]) -> bool {
    let ours = sip::invite(data, false).filter(|invite| invite.faults.is_empty());
    let (Some(ours), Ok(theirs)) = (ours, Request::try_from(data)) else { return false };
    if let Err(what) = compare(&ours, &theirs) {
        panic!("{what}");
    }
    true
}

fn compare(ours: &Invite<'_>, theirs: &Request) -> Result<(), String> {
    same("method", &Method::Invite, &theirs.method)?;
    uri("Request-URI", &ours.request, &theirs.uri)?;
    // It knows no compact names (RFC 3261 §7.3.3): then it says that there is none.
    if let Ok(call_id) = theirs.call_id_header() {
        same("Call-ID", &text(ours.call_id), &trimmed(call_id.value()))?;
    }
    if let Ok(cseq) = theirs.cseq_header().and_then(|cseq| cseq.typed()) {
        same("CSeq", &ours.cseq, &Some(cseq.seq))?;
    }
    if let Ok(header) = theirs.from_header()
        && let Ok(from) = header.typed()
    {
        name(
            "From",
            ours.from.as_ref(),
            header.value(),
            &from.uri,
            from.tag().map(|tag| tag.value()),
        )?;
    }
    if let Ok(header) = theirs.to_header()
        && let Ok(to) = header.typed()
    {
        name("To", ours.to.as_ref(), header.value(), &to.uri, to.tag().map(|tag| tag.value()))?;
    }
    for header in ["P-Asserted-Identity", "Identity"] {
        // It has no header of its own for them, so their values stand as they came.
        let values = |name: &str| -> Vec<String> {
            let others = theirs.headers.iter().filter_map(|header| match header {
                Header::Other(other, value) if other.eq_ignore_ascii_case(name) => Some(value),
                _ => None,
            });
            others.map(|value| trimmed(value)).collect()
        };
        let found = ours.header(header.as_bytes()).map(|value| text(Some(value))).collect();
        same(header, &found, &values(header))?;
    }
    Ok(())
}

fn name(
    what: &str,
    ours: Option<&NameAddr<'_>>,
    value: &str,
    theirs: &Uri,
    tag: Option<&str>,
) -> Result<(), String> {
    let Some(ours) = ours else { return Err(format!("{what}: only rsip reads it")) };
    // It ends a display name at the first angle bracket, also within quotes (§25.1,
    // `quoted-string`).
    if ours.quoted && ours.display.is_some_and(|display| display.contains(&b'<')) {
        return Ok(());
    }
    uri(what, &ours.uri, theirs)?;
    // Its parameters have no white space in them (§25.1, `SEMI` and `EQUAL`), and behind a URI
    // without brackets it leaves out what it cannot read.
    let parameters = text(Some(ours.parameters));
    if parameters.contains(|letter: char| letter.is_whitespace() || letter == '"')
        || !value.contains('<')
    {
        return Ok(());
    }
    same(&format!("tag of {what}"), &text(ours.tag()), &tag.unwrap_or_default().to_owned())
}

fn uri(what: &str, ours: &sip::Uri<'_>, theirs: &Uri) -> Result<(), String> {
    // It reads the number of a `tel:` URI (RFC 3966) as a host.
    if !matches!(ours.scheme, Scheme::Sip | Scheme::Sips) {
        return Ok(());
    }
    let user = ours.user.map(|user| text(Some(&[user, ours.user_parameters].concat())));
    // A dot ends what it takes for a user, which makes a host of him (RFC 3261 §25.1, `unreserved`).
    let password = text(ours.password());
    if user.as_ref().is_some_and(|user| user.contains('.')) || password.contains('.') {
        return Ok(());
    }
    same(&format!("user of {what}"), &user.as_deref(), &theirs.user())
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, ours: &T, theirs: &T) -> Result<(), String> {
    if ours == theirs {
        return Ok(());
    }
    Err(format!("{what}: the parser reads {ours:?}, rsip {theirs:?}"))
}

/// rsip leaves white space behind a value (§7.3.1).
fn trimmed(value: &str) -> String {
    value.trim_ascii().to_owned()
}

fn text(bytes: Option<&[u8]>) -> String {
    String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned()
}

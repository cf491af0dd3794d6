//! What sipp sends and awaits. Callers come out of an injection file, a line each:
//! `caller;called;token`.

/// The calling side's way of giving its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Identity {
    /// From and P-Asserted-Identity with the number, and an Identity header.
    Asserted,
    /// `anonymous` in From, nothing else.
    Anonymous,
}

/// A call: INVITE, ACK, a second of silence, BYE.
///
/// `answer_ms` is how long an answer to the INVITE is awaited; `retransmit` whether the INVITE is
/// sent again until one comes (RFC 3261 §17.1.1.2); `padding` how many bytes stand before the headers
/// that name the caller, in lines of their own; `headers` which lines stand behind them.
pub(super) fn calling(
    identity: Identity,
    answer_ms: u64,
    retransmit: bool,
    padding: usize,
    headers: &[String],
) -> String {
    let retransmit = if retransmit { " retrans=\"500\"" } else { "" };
    let (from, asserted) = match identity {
        Identity::Asserted => (
            "\"Lab\" <sip:[field0]@carrier.example.com>",
            "P-Asserted-Identity: <sip:[field0]@carrier.example.com>\n\
             Identity: [field2];info=<https://certs.example.org/1.pem>;alg=ES256;ppt=shaken\n",
        ),
        Identity::Anonymous => ("\"Anonymous\" <sip:anonymous@anonymous.invalid>", "Privacy: id\n"),
    };
    let padding = self::padding(padding);
    let headers: String = headers.iter().map(|line| format!("{line}\n")).collect();
    let invite = message(&format!(
        "INVITE sip:[field1]@[remote_ip]:[remote_port] SIP/2.0\n\
         Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]\n\
         Max-Forwards: 70\n\
         From: {from};tag=[pid]-[call_number]\n\
         To: <sip:[field1]@sbc.example.com>\n\
         Call-ID: [call_id]\n\
         CSeq: 1 INVITE\n\
         Contact: <sip:lab@[local_ip]:[local_port]>\n\
         {padding}\
         {asserted}\
         {headers}\
         Content-Type: application/sdp\n\
         Content-Length: [len]\n\
         \n\
         {SDP}"
    ));
    let ack = message(&within_call("ACK", 1, from));
    let bye = message(&within_call("BYE", 2, from));
    // sipp's timer is that of the step it stands at, so the optional ones carry it too.
    document(
        "calling",
        &format!(
            "<send{retransmit}>{invite}</send>\n\
             <recv response=\"100\" optional=\"true\" timeout=\"{answer_ms}\"/>\n\
             <recv response=\"180\" optional=\"true\" timeout=\"{answer_ms}\"/>\n\
             <recv response=\"200\" timeout=\"{answer_ms}\"/>\n\
             <send>{ack}</send>\n\
             <pause milliseconds=\"1000\"/>\n\
             <send retrans=\"500\">{bye}</send>\n\
             <recv response=\"200\" timeout=\"8000\"/>\n"
        ),
    )
}

/// Header lines of so many bytes, or the next number that a line can have; their ends count two.
fn padding(bytes: usize) -> String {
    const NAME: &str = "X-Padding: ";
    const LINE: usize = 500;

    let mut lines = String::new();
    let mut left = bytes;
    while left > 0 {
        let value = left.clamp(NAME.len() + 3, LINE) - NAME.len() - 2;
        lines.extend([NAME, &"p".repeat(value), "\n"]);
        left = left.saturating_sub(LINE);
    }
    lines
}

/// The answering side: rings, answers, waits for the end.
pub(super) fn answering() -> String {
    let answer = |status: &str, extra: &str| {
        message(&format!(
            "SIP/2.0 {status}\n\
             [last_Via:]\n\
             [last_From:]\n\
             [last_To:];tag=[pid]-[call_number]\n\
             [last_Call-ID:]\n\
             [last_CSeq:]\n\
             Contact: <sip:[local_ip]:[local_port]>\n\
             {extra}"
        ))
    };
    let ringing = answer("180 Ringing", "Content-Length: 0\n\n");
    let ok =
        answer("200 OK", &format!("Content-Type: application/sdp\nContent-Length: [len]\n\n{SDP}"));
    let bye = message(
        "SIP/2.0 200 OK\n\
         [last_Via:]\n\
         [last_From:]\n\
         [last_To:]\n\
         [last_Call-ID:]\n\
         [last_CSeq:]\n\
         Content-Length: 0\n\n",
    );
    document(
        "answering",
        &format!(
            "<recv request=\"INVITE\"/>\n\
             <send>{ringing}</send>\n\
             <send retrans=\"500\">{ok}</send>\n\
             <recv request=\"ACK\"/>\n\
             <recv request=\"BYE\"/>\n\
             <send>{bye}</send>\n"
        ),
    )
}

const SDP: &str = "v=0\n\
    o=- 1 1 IN IP[local_ip_type] [local_ip]\n\
    s=-\n\
    c=IN IP[media_ip_type] [media_ip]\n\
    t=0 0\n\
    m=audio [media_port] RTP/AVP 0\n\
    a=rtpmap:0 PCMU/8000\n";

fn within_call(method: &str, cseq: u32, from: &str) -> String {
    format!(
        "{method} sip:[field1]@[remote_ip]:[remote_port] SIP/2.0\n\
         Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]\n\
         Max-Forwards: 70\n\
         From: {from};tag=[pid]-[call_number]\n\
         [last_To:]\n\
         Call-ID: [call_id]\n\
         CSeq: {cseq} {method}\n\
         Content-Length: 0\n\n"
    )
}

fn message(text: &str) -> String {
    format!("<![CDATA[\n{text}\n]]>")
}

fn document(name: &str, steps: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\" ?>\n\
         <!DOCTYPE scenario SYSTEM \"sipp.dtd\">\n\
         <scenario name=\"{name}\">\n{steps}</scenario>\n"
    )
}

//! Rows that differ from what others read, and why; how many agree.

/// A capture and a frame in it, or a message's file and 1; and the column that differs.
pub type Place = (String, u64, &'static str);

/// Each set's rows, and how many of them agree.
pub const COUNTS: &[(&str, usize, usize)] = &[
    ("derived/frag4", 93, 91),
    ("derived/frag4_rev", 93, 91),
    ("derived/frag6", 93, 91),
    ("derived/qinq8100_udp6", 73, 71),
    ("derived/qinq_udp4", 93, 91),
    ("derived/raw_udp4", 73, 71),
    ("derived/sll_udp4", 73, 71),
    ("derived/tcp4", 93, 91),
    ("derived/tcp4_coalesced", 93, 85),
    ("derived/tcp4_split", 93, 91),
    ("derived/tcp6_ooo", 93, 91),
    ("derived/udp4", 419, 405),
    ("derived/udp6", 93, 91),
    ("derived/vlan_frag6_rev", 73, 71),
    ("derived/vlan_udp4", 93, 91),
    ("dialects", 44, 44),
    ("header-samples", 3, 3),
    ("messages", 153, 150),
    ("numbers/international", 627, 623),
    ("numbers/national", 634, 630),
    ("numbers/plus", 634, 634),
    ("pcap/tcp", 1, 1),
    ("pcap/udp", 79, 78),
    ("profiles", 8, 8),
    ("rfc5118", 7, 7),
    ("sipp", 256, 246),
    ("stir", 53, 40),
    ("torture", 29, 29),
];

/// A kind of difference, why ours is right, and each row that shows it.
pub struct Difference {
    /// The columns that differ; `extra` is an INVITE that tshark does not list.
    pub columns: &'static [&'static str],
    /// Captures and the frames in them; files of messages, or regions and types of numbers, and 1.
    pub rows: &'static [(&'static str, &'static [u64])],
    /// Why.
    pub reason: &'static str,
}

/// Each row that differs and each column in it.
pub fn rows() -> impl Iterator<Item = Place> {
    DIFFERENCES.iter().flat_map(|kind| {
        kind.rows.iter().flat_map(move |(capture, frames)| {
            frames.iter().flat_map(move |frame| {
                kind.columns.iter().map(move |column| ((*capture).to_owned(), *frame, *column))
            })
        })
    })
}

/// All that is known.
pub const DIFFERENCES: &[Difference] = &[
    Difference {
        columns: &["ruri_user", "from_user", "to_user"],
        rows: &[
            ("derived_pcap/sipp_frag4.pcap", &[8, 27]),
            ("derived_pcap/sipp_frag4_rev.pcap", &[12, 42]),
            ("derived_pcap/sipp_frag6.pcap", &[8, 27]),
            ("derived_pcap/sipp_qinq8100_udp6.pcap", &[4, 14]),
            ("derived_pcap/sipp_qinq_udp4.pcap", &[4, 14]),
            ("derived_pcap/sipp_raw_udp4.pcap", &[4, 14]),
            ("derived_pcap/sipp_sll_udp4.pcap", &[4, 14]),
            ("derived_pcap/sipp_tcp4.pcap", &[22, 82]),
            ("derived_pcap/sipp_tcp4_coalesced.pcap", &[10, 28]),
            ("derived_pcap/sipp_tcp4_split.pcap", &[39, 141]),
            ("derived_pcap/sipp_tcp6_ooo.pcap", &[35, 129]),
            ("derived_pcap/sipp_udp4.pcap", &[4, 14, 71, 112, 173, 177, 179, 196, 235, 242]),
            ("derived_pcap/sipp_udp6.pcap", &[4, 14]),
            ("derived_pcap/sipp_vlan_frag6_rev.pcap", &[12, 42]),
            ("derived_pcap/sipp_vlan_udp4.pcap", &[4, 14]),
            (
                "sipp/asterisk__testsuite/diversion_diversion_basic_drop_options_sipp_user1.sip",
                &[1],
            ),
            (
                "sipp/asterisk__testsuite/diversion_diversion_request_drop_options_sipp_user1.sip",
                &[1],
            ),
            (
                "sipp/asterisk__testsuite/md5_ident_by_user_drop_options_sipp_echo_with_deferred_sdp.sip",
                &[1],
            ),
            (
                "sipp/asterisk__testsuite/md5_ident_by_user_drop_options_sipp_echo_with_deferred_sdp_2.sip",
                &[1],
            ),
            (
                "sipp/asterisk__testsuite/md5_ident_by_user_drop_options_sipp_echo_with_initial_sdp.sip",
                &[1],
            ),
            (
                "sipp/asterisk__testsuite/md5_ident_by_user_drop_options_sipp_echo_with_initial_sdp_2.sip",
                &[1],
            ),
            (
                "sipp/asterisk__testsuite/md5_ident_by_user_drop_options_sipp_playback_with_deferred_sdp.sip",
                &[1],
            ),
            (
                "sipp/asterisk__testsuite/md5_ident_by_user_drop_options_sipp_playback_with_deferred_sdp_2.sip",
                &[1],
            ),
            (
                "sipp/asterisk__testsuite/md5_ident_by_user_drop_options_sipp_playback_with_initial_sdp.sip",
                &[1],
            ),
            (
                "sipp/asterisk__testsuite/md5_ident_by_user_drop_options_sipp_playback_with_initial_sdp_2.sip",
                &[1],
            ),
        ],
        reason: "`user;phone-context=national@host`: RFC 3261 §19.1.6 makes what follows the \
                 semicolon parameters of the telephone subscriber, no part of the user's name; \
                 tshark keeps them in the Request-URI and shows no user at all in From and To",
    },
    Difference {
        columns: &["ruri_user"],
        rows: &[
            ("derived_pcap/messages_udp4.pcap", &[135]),
            ("messages/yeti-switch__sems/2_parser_test_cpp_L580.sip", &[1]),
        ],
        reason: "a Request-URI in angle brackets (RFC 4475 §3.1.2.7): read, and named malformed; \
                 tshark reads no user",
    },
    Difference {
        columns: &["extra"],
        rows: &[
            ("derived_pcap/messages_udp4.pcap", &[3]),
            (
                "messages/BelledonneCommunications__belle-sip/belle_sip_message_tester_c_L414.sip",
                &[1],
            ),
        ],
        reason: "an empty line before the request line is to be looked past (RFC 3261 §7.5)",
    },
    Difference {
        columns: &["extra"],
        rows: &[
            ("derived_pcap/messages_udp4.pcap", &[81]),
            ("messages/kamailio__kamailio/req-tm1.sip", &[1]),
            ("derived_pcap/torture_udp4.pcap", &[13]),
            ("pcap/ntop__nDPI/fuzz-2006-06-26-2594.pcap", &[346]),
        ],
        reason: "white space or a NUL within the Request-URI (RFC 3261 §7.1, RFC 4475 §3.1.2.8) is \
                 for the SBC to refuse with 400: an INVITE it is, and named malformed",
    },
    Difference {
        columns: &["extra"],
        rows: &[("derived_pcap/sipp_tcp4_coalesced.pcap", &[28, 40, 40, 94, 100, 100])],
        reason: "the message before it in the stream has no Content-Length, which RFC 3261 §18.3 and \
                 §20.14 ask for over TCP: tshark takes all that follows for its body, we go on at \
                 the next request line",
    },
    Difference {
        columns: &["national"],
        rows: &[
            ("numbers/KI fixedLine", &[1]),
            ("numbers/NO uan", &[1]),
            ("numbers/SJ uan", &[1]),
            ("numbers/UY uan", &[1]),
        ],
        reason: "national numbers of five digits: extensions and short codes have as many, and of \
                 those no number is made",
    },
    Difference {
        columns: &["international"],
        rows: &[
            ("numbers/BR mobile", &[1]),
            ("numbers/HK premiumRate", &[1]),
            ("numbers/IN premiumRate", &[1]),
            ("numbers/NG tollFree", &[1]),
        ],
        reason: "behind any prefix the plan has they come to 17 digits, and 16 are read of what is \
                 dialled; Hong Kong's plan has the carriers' prefixes and not 00 alone",
    },
    Difference {
        columns: &["url"],
        rows: &[
            ("stir/agranig-001-valid-identity-with-date", &[1]),
            ("stir/agranig-017-identity-missing-alg-param", &[1]),
            ("stir/agranig-201-cert-in-future", &[1]),
            ("stir/agranig-205-cert-garbage", &[1]),
            ("stir/agranig-207-cert-not-found", &[1]),
            ("stir/agranig-209-cert-unresponsive-link", &[1]),
        ],
        reason: "the suite's certificates are behind http: ATIS-1000074 §5.3.1 has https alone, and \
                 what comes over http anybody on the way can write",
    },
    Difference {
        columns: &["code"],
        rows: &[("stir/agranig-017-identity-missing-alg-param", &[1])],
        reason: "`alg` may be left out of the header, and is ES256 then (RFC 8224 §4): nothing is wrong \
                 with the call",
    },
    Difference {
        columns: &["code"],
        rows: &[("stir/agranig-201-cert-in-future", &[1]), ("stir/agranig-205-cert-garbage", &[1])],
        reason: "a certificate that cannot be used is 437, not 438 (RFC 8224 §6.2.2)",
    },
    Difference {
        columns: &["code"],
        rows: &[("stir/agranig-207-cert-not-found", &[1])],
        reason: "a certificate that cannot be had is 436, not 438 (RFC 8224 §6.2.2)",
    },
    Difference {
        columns: &["code"],
        rows: &[("stir/agranig-209-cert-unresponsive-link", &[1])],
        reason: "the suite's server lets the call through that it cannot verify. So do we: it is \
                 `unable`, and 436 is what it would be refused with",
    },
    Difference {
        columns: &["code"],
        rows: &[
            ("stir/agranig-301-origtn-missing", &[1]),
            ("stir/agranig-303-origtn-not-matching", &[1]),
            ("stir/agranig-305-origtn-empty", &[1]),
        ],
        reason: "403 is for a PASSporT that is not fresh; whom it names is a matter of 438 (RFC 8224 \
                 §6.2.2)",
    },
    Difference {
        columns: &["code"],
        rows: &[("stir/agranig-501-x5u-empty", &[1])],
        reason: "an empty x5u names no certificate: 436. The scenario looks copied from the valid one",
    },
    Difference {
        columns: &["code"],
        rows: &[("stir/sipssert-17.verify-error-437-wrong-header-typ", &[1])],
        reason: "437 is for a credential that is not supported; a wrong `typ` is a PASSporT that is none, \
                 438 (RFC 8224 §6.2.2)",
    },
    Difference {
        columns: &["code"],
        rows: &[
            ("stir/sipssert-07.verify-error-400-wrong-from-no-kill-call", &[1]),
            ("stir/sipssert-29.acc-stats-error-403-no-kill-call", &[1]),
        ],
        reason: "the suite's server finds fault and is configured to let the call through",
    },
];

//! Rows in which the replay differs from tshark, and why.

/// Rows within reach, and how many of them agree.
pub(crate) const ROWS_AND_AGREEING: (u32, u32) = (1_711, 1_672);

/// A kind of difference, why ours is right, and each row that shows it.
pub(crate) struct Difference {
    /// The columns that differ; `extra` is an INVITE that tshark does not list, `message 2` the
    /// second INVITE of a frame.
    pub(crate) columns: &'static [&'static str],
    /// Captures and the frames in them.
    pub(crate) rows: &'static [(&'static str, &'static [u32])],
    /// Why.
    #[expect(dead_code, reason = "for those who read the table")]
    pub(crate) reason: &'static str,
}

pub(crate) const DIFFERENCES: &[Difference] = &[
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
            ("derived_pcap/sipp_tcp4_coalesced.pcap", &[10]),
            ("derived_pcap/sipp_tcp4_split.pcap", &[39, 141]),
            ("derived_pcap/sipp_tcp6_ooo.pcap", &[35, 129]),
            ("derived_pcap/sipp_udp4.pcap", &[4, 14, 71, 112, 173, 177, 179, 196, 235, 242]),
            ("derived_pcap/sipp_udp6.pcap", &[4, 14]),
            ("derived_pcap/sipp_vlan_frag6_rev.pcap", &[12, 42]),
            ("derived_pcap/sipp_vlan_udp4.pcap", &[4, 14]),
        ],
        reason: "`user;phone-context=national@host`: RFC 3261 §19.1.6 makes what follows the \
                 semicolon parameters of the telephone subscriber, no part of the user's name; \
                 tshark keeps them in the Request-URI and shows no user at all in From and To",
    },
    Difference {
        columns: &["message 2 ruri_user", "message 2 from_user", "message 2 to_user"],
        rows: &[("derived_pcap/sipp_tcp4_coalesced.pcap", &[28])],
        reason: "as above",
    },
    Difference {
        columns: &["message 2 extra"],
        rows: &[("derived_pcap/sipp_tcp4_coalesced.pcap", &[40, 100])],
        reason: "over TCP, a message without Content-Length has no body (RFC 3261 §18.3 and \
                 §20.14), and the next start line begins the next; tshark takes the rest of the \
                 segment for its body",
    },
    Difference {
        columns: &["message 3 extra"],
        rows: &[("derived_pcap/sipp_tcp4_coalesced.pcap", &[28, 40, 94, 100])],
        reason: "as above",
    },
    Difference {
        columns: &["ruri_user"],
        rows: &[("derived_pcap/messages_udp4.pcap", &[135])],
        reason: "a Request-URI in angle brackets (RFC 4475 §3.1.2.7): read, and named malformed; \
                 tshark reads no user",
    },
    Difference {
        columns: &["extra"],
        rows: &[("derived_pcap/messages_udp4.pcap", &[3])],
        reason: "an empty line before the request line is to be looked past (RFC 3261 §7.5)",
    },
    Difference {
        columns: &["extra"],
        rows: &[
            ("derived_pcap/messages_udp4.pcap", &[81]),
            ("derived_pcap/torture_udp4.pcap", &[13]),
            ("pcap/ntop__nDPI/fuzz-2006-06-26-2594.pcap", &[346]),
        ],
        reason: "white space or a NUL within the Request-URI (RFC 3261 §7.1, RFC 4475 §3.1.2.8) is \
                 for the SBC to refuse with 400: an INVITE it is, and named malformed",
    },
];

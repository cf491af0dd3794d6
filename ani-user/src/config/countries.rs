//! How the countries of the world dial: country code, prefixes, lengths of national numbers.
//!
//! The table has every region of libphonenumber 9.0.43's metadata, from which its codes, prefixes and
//! lengths come, and the networks that belong to no country under their country code (`870`
//! Inmarsat, `800` international freephone). Two sets of lengths stand in it:
//!
//! - behind the national prefix or the country code, where nobody dials an extension: all that the
//!   country's numbers of any kind have, from six digits on, and the bare ones;
//! - bare, where a plan that took five digits would make numbers of extensions and short codes:
//!   those of ordinary numbers, from seven digits on where there is a national prefix, from six where
//!   there is none, and fewer only where ordinary numbers are as short (Tokelau has four digits).
//!   Left out as well: eight in South Korea and six in Luxembourg, which their service numbers have.
//!
//! A country with a choice of carriers has as many international prefixes as a plan holds, those of
//! the largest carriers; others are in libphonenumber's `internationalPrefix`. Prefix and number
//! together have at most 16 digits, so prefixes of six and seven (China's `1790900`, Japan's `0033010`,
//! Peru's `191100`) are left out. A trunk that sends such a one is better told to send a `+`. In Brazil and Colombia `00` without a carrier is taken
//! too, tried last. National prefixes with a carrier's code in them (Brazil's `0 15`, Colombia's `05`)
//! are not taken away.

use ani_ebpf::dial_plan::{DialPlan, Lengths, MAX_INTERNATIONAL, Prefix};

/// Countries with numbers that begin with 0 although 0 is their national prefix: international
/// freephone for the most part, and Rwanda's satellite phones.
const LEADING_ZERO: &[&str] = &["BG", "ID", "IN", "JP", "KR", "RW", "TH", "UY"];

/// A country and how it dials.
#[derive(Clone, Copy, Debug)]
pub struct Country {
    /// ISO 3166-1 alpha-2 code; `XK` for Kosovo, `AC` and `TA` for Ascension and Tristan da Cunha,
    /// which have none but are dialled; for a network of no country its country code.
    pub code: &'static str,
    /// Its English name.
    pub name: &'static str,
    plan: DialPlan,
}

impl Country {
    /// Its country code (ITU-T E.164), digits.
    pub fn calling_code(&self) -> String {
        self.plan.country.to_string()
    }

    /// How it dials.
    pub const fn dial_plan(&self) -> DialPlan {
        self.plan
    }
}

/// The country of an ISO 3166 code in either case.
pub fn find(code: &str) -> Option<&'static Country> {
    COUNTRIES.iter().find(|country| country.code.eq_ignore_ascii_case(code))
}

/// All codes, for a message.
pub fn codes() -> String {
    COUNTRIES.iter().map(|country| country.code).collect::<Vec<_>>().join(" ")
}

// What follows runs only while the table below is compiled, where a panic is a compile error.

const fn prefix(text: &[u8]) -> Prefix {
    match Prefix::from_ascii(text) {
        Some(prefix) => prefix,
        None => panic!("a prefix is at most seven digits"),
    }
}

/// Prefixes with one space between them.
const fn prefixes(mut text: &[u8]) -> [Prefix; MAX_INTERNATIONAL] {
    let mut prefixes = [Prefix::NONE; MAX_INTERNATIONAL];
    let mut count = 0;
    while !text.is_empty() {
        let mut end = 0;
        while end < text.len() && text[end] != b' ' {
            end += 1;
        }
        let (first, rest) = text.split_at(end);
        assert!(!first.is_empty() && count < MAX_INTERNATIONAL, "one to six prefixes");
        prefixes[count] = prefix(first);
        count += 1;
        text = match rest {
            [_space, rest @ ..] => rest,
            [] => rest,
        };
    }
    prefixes
}

const fn lengths(text: &str) -> Lengths {
    match Lengths::from_ascii(text.as_bytes()) {
        Some(lengths) => lengths,
        None => panic!("lengths are 1 to 15, such as `7 9-10`"),
    }
}

const fn has_leading_zero(code: &[u8]) -> bool {
    let mut at = 0;
    while at < LEADING_ZERO.len() {
        let listed = LEADING_ZERO[at].as_bytes();
        if listed[0] == code[0] && listed[1] == code[1] {
            return true;
        }
        at += 1;
    }
    false
}

const fn country(
    code: &'static str,
    name: &'static str,
    country: &str,
    international: &str,
    national: &str,
    national_lengths: &str,
    bare_lengths: &str,
) -> Country {
    let zero_is_prefix = matches!(national.as_bytes(), b"0") && !has_leading_zero(code.as_bytes());
    let plan = DialPlan {
        country: prefix(country.as_bytes()),
        national: prefix(national.as_bytes()),
        international: prefixes(international.as_bytes()),
        national_lengths: lengths(national_lengths),
        bare_lengths: lengths(bare_lengths),
        no_leading_zero: zero_is_prefix as u8,
        ..DialPlan::NONE
    };
    Country { code, name, plan }
}

/// Code, name, country code (ITU-T E.164), international prefixes, national prefix (empty: none),
/// lengths behind the national prefix or the country code, lengths dialled bare.
#[rustfmt::skip]
pub const COUNTRIES: &[Country] = &[
    country("AC", "Ascension Island", "247", "00", "", "5-6", "5-6"),
    country("AD", "Andorra", "376", "00", "", "6 8-9", "6 8-9"),
    country("AE", "United Arab Emirates", "971", "00", "0", "6-12", "8-9"),
    country("AF", "Afghanistan", "93", "00", "0", "9", "9"),
    country("AG", "Antigua and Barbuda", "1", "011", "1", "10", "10"),
    country("AI", "Anguilla", "1", "011", "1", "10", "10"),
    country("AL", "Albania", "355", "00", "0", "6-9", "8-9"),
    country("AM", "Armenia", "374", "00", "0", "8", "8"),
    country("AO", "Angola", "244", "00", "", "9", "9"),
    country("AR", "Argentina", "54", "00", "0", "10-11", "10-11"),
    country("AS", "American Samoa", "1", "011", "1", "10", "10"),
    country("AT", "Austria", "43", "00", "0", "6-13", "7-13"),
    country("AU", "Australia", "61", "0011 0014 0015 0016 0018 0019", "0", "6-10 12", "9-10"),
    country("AW", "Aruba", "297", "00", "", "7", "7"),
    country("AX", "Åland", "358", "00 990 991 994 996 999", "0", "6-12", "7-10"),
    country("AZ", "Azerbaijan", "994", "00", "0", "9", "9"),
    country("BA", "Bosnia and Herzegovina", "387", "00", "0", "8-9", "8-9"),
    country("BB", "Barbados", "1", "011", "1", "10", "10"),
    country("BD", "Bangladesh", "880", "00", "0", "6-10", "8-10"),
    country("BE", "Belgium", "32", "00", "0", "8-9", "8-9"),
    country("BF", "Burkina Faso", "226", "00", "", "8", "8"),
    country("BG", "Bulgaria", "359", "00", "0", "6-9 12", "7-9"),
    country("BH", "Bahrain", "973", "00", "", "8", "8"),
    country("BI", "Burundi", "257", "00", "", "8", "8"),
    country("BJ", "Benin", "229", "00", "", "10", "10"),
    country("BL", "Saint Barthélemy", "590", "00", "0", "9", "9"),
    country("BM", "Bermuda", "1", "011", "1", "10", "10"),
    country("BN", "Brunei", "673", "00", "", "7", "7"),
    country("BO", "Bolivia", "591", "00 0010 0011 0012 0013 0014", "0", "8-9", "8-9"),
    country("BQ", "Bonaire, Sint Eustatius and Saba", "599", "00", "", "7", "7"),
    country("BR", "Brazil", "55", "0014 0015 0021 0031 0041 00", "0", "8-11", "10-11"),
    country("BS", "Bahamas", "1", "011", "1", "10", "10"),
    country("BT", "Bhutan", "975", "00", "", "7-8", "7-8"),
    country("BW", "Botswana", "267", "00", "", "7-8 10", "7-8 10"),
    country("BY", "Belarus", "375", "810", "8", "6-11", "9-10"),
    country("BZ", "Belize", "501", "00", "", "7 11", "7 11"),
    country("CA", "Canada", "1", "011", "1", "10", "10"),
    country("CC", "Cocos Islands", "61", "0011 0014 0015 0016 0018 0019", "0", "6-10 12", "9-10"),
    country("CD", "DR Congo", "243", "00", "0", "7-10", "7-9"),
    country("CF", "Central African Republic", "236", "00", "", "8", "8"),
    country("CG", "Congo", "242", "00", "", "9", "9"),
    country("CH", "Switzerland", "41", "00", "0", "9 12", "9"),
    country("CI", "Côte d'Ivoire", "225", "00", "", "10", "10"),
    country("CK", "Cook Islands", "682", "00", "", "5", "5"),
    country("CL", "Chile", "56", "00 1190 1220 1230 1710 1880", "", "9-11", "9-10"),
    country("CM", "Cameroon", "237", "00", "", "8-9", "8-9"),
    country("CN", "China", "86", "00", "0", "7-12", "10-11"),
    country("CO", "Colombia", "57", "005 007 009 00414 00444 00", "0", "8 10-11", "10-11"),
    country("CR", "Costa Rica", "506", "00", "", "8 10", "8 10"),
    country("CU", "Cuba", "53", "119", "0", "6-8 10", "8 10"),
    country("CV", "Cabo Verde", "238", "0", "", "7", "7"),
    country("CW", "Curaçao", "599", "00", "", "7-8", "7-8"),
    country("CX", "Christmas Island", "61", "0011 0014 0015 0016 0018 0019", "0", "6-10 12", "9-10"),
    country("CY", "Cyprus", "357", "00", "", "8", "8"),
    country("CZ", "Czechia", "420", "00", "", "9-12", "9-11"),
    country("DE", "Germany", "49", "00", "0", "6-13", "7-11"),
    country("DJ", "Djibouti", "253", "00", "", "8", "8"),
    country("DK", "Denmark", "45", "00", "", "8", "8"),
    country("DM", "Dominica", "1", "011", "1", "10", "10"),
    country("DO", "Dominican Republic", "1", "011", "1", "10", "10"),
    country("DZ", "Algeria", "213", "00", "0", "8-9", "8-9"),
    country("EC", "Ecuador", "593", "00", "0", "8-11", "8-9"),
    country("EE", "Estonia", "372", "00", "", "7-8 10", "7-8"),
    country("EG", "Egypt", "20", "00", "0", "8-10", "9-10"),
    country("EH", "Western Sahara", "212", "00", "0", "9", "9"),
    country("ER", "Eritrea", "291", "00", "0", "7", "7"),
    country("ES", "Spain", "34", "00", "", "9", "9"),
    country("ET", "Ethiopia", "251", "00", "0", "9", "9"),
    country("FI", "Finland", "358", "00 990 991 994 996 999", "0", "6-12", "7-10"),
    country("FJ", "Fiji", "679", "00 052", "", "7 11", "7 11"),
    country("FK", "Falkland Islands", "500", "00", "", "5", "5"),
    country("FM", "Micronesia", "691", "00", "", "7", "7"),
    country("FO", "Faroe Islands", "298", "00", "", "6", "6"),
    country("FR", "France", "33", "00", "0", "9", "9"),
    country("GA", "Gabon", "241", "00", "", "7-8", "8"),
    country("GB", "United Kingdom", "44", "00", "0", "7 9-10", "9-10"),
    country("GD", "Grenada", "1", "011", "1", "10", "10"),
    country("GE", "Georgia", "995", "00", "0", "9", "9"),
    country("GF", "French Guiana", "594", "00", "0", "9", "9"),
    country("GG", "Guernsey", "44", "00", "0", "7 9-10", "10"),
    country("GH", "Ghana", "233", "00", "0", "8-9", "9"),
    country("GI", "Gibraltar", "350", "00", "", "8", "8"),
    country("GL", "Greenland", "299", "00", "", "6", "6"),
    country("GM", "Gambia", "220", "00", "", "7 9", "7"),
    country("GN", "Guinea", "224", "00", "", "8-9", "8-9"),
    country("GP", "Guadeloupe", "590", "00", "0", "9", "9"),
    country("GQ", "Equatorial Guinea", "240", "00", "", "9", "9"),
    country("GR", "Greece", "30", "00", "", "10-12", "10"),
    country("GT", "Guatemala", "502", "00", "", "8 11", "8 11"),
    country("GU", "Guam", "1", "011", "1", "10", "10"),
    country("GW", "Guinea-Bissau", "245", "00", "", "7 9", "7 9"),
    country("GY", "Guyana", "592", "001", "", "7", "7"),
    country("HK", "Hong Kong", "852", "001 002 006 007 008 009", "", "6-9 11", "8-9 11"),
    country("HN", "Honduras", "504", "00", "", "8 11", "8 11"),
    country("HR", "Croatia", "385", "00", "0", "7-9", "8-9"),
    country("HT", "Haiti", "509", "00", "", "8", "8"),
    country("HU", "Hungary", "36", "00", "06", "8-9", "8-9"),
    country("ID", "Indonesia", "62", "001 007 008 009 01017", "0", "7-13", "8-11"),
    country("IE", "Ireland", "353", "00", "0", "7-10", "7-10"),
    country("IL", "Israel", "972", "00 012 013 014 018 019", "0", "7-12", "8-10"),
    country("IM", "Isle of Man", "44", "00", "0", "10", "10"),
    country("IN", "India", "91", "00", "0", "8-13", "10-11"),
    country("IO", "British Indian Ocean Territory", "246", "00", "", "7", "7"),
    country("IQ", "Iraq", "964", "00", "0", "8-10", "8-10"),
    country("IR", "Iran", "98", "00", "0", "6-7 10", "10"),
    country("IS", "Iceland", "354", "00 1001 1010 1020 1100", "", "7 9", "7"),
    country("IT", "Italy", "39", "00", "", "6-12", "8-11"),
    country("JE", "Jersey", "44", "00", "0", "10", "10"),
    country("JM", "Jamaica", "1", "011", "1", "10", "10"),
    country("JO", "Jordan", "962", "00", "0", "8-9", "8-9"),
    country("JP", "Japan", "81", "010", "0", "8-13", "9-10"),
    country("KE", "Kenya", "254", "000", "0", "7-10", "9"),
    country("KG", "Kyrgyzstan", "996", "00", "0", "9-10", "9"),
    country("KH", "Cambodia", "855", "001 004 006 007 008 009", "0", "8-10", "8-10"),
    country("KI", "Kiribati", "686", "00", "0", "8", "8"),
    country("KM", "Comoros", "269", "00", "", "7", "7"),
    country("KN", "Saint Kitts and Nevis", "1", "011", "1", "10", "10"),
    country("KP", "North Korea", "850", "00 99", "0", "8 10", "8 10"),
    country("KR", "South Korea", "82", "001 002 005 006 008 00700", "0", "6 8-13", "9-10"),
    country("KW", "Kuwait", "965", "00", "", "7-8", "7-8"),
    country("KY", "Cayman Islands", "1", "011", "1", "10", "10"),
    country("KZ", "Kazakhstan", "7", "810", "8", "10 14", "10"),
    country("LA", "Laos", "856", "00", "0", "8-10", "8-10"),
    country("LB", "Lebanon", "961", "00", "0", "7-8", "7-8"),
    country("LC", "Saint Lucia", "1", "011", "1", "10", "10"),
    country("LI", "Liechtenstein", "423", "00", "0", "7 9", "7 9"),
    country("LK", "Sri Lanka", "94", "00", "0", "9", "9"),
    country("LR", "Liberia", "231", "00", "0", "7-9", "8-9"),
    country("LS", "Lesotho", "266", "00", "", "8", "8"),
    country("LT", "Lithuania", "370", "00", "0", "8", "8"),
    country("LU", "Luxembourg", "352", "00", "", "6-11", "7-9"),
    country("LV", "Latvia", "371", "00", "", "8", "8"),
    country("LY", "Libya", "218", "00", "0", "9", "9"),
    country("MA", "Morocco", "212", "00", "0", "9", "9"),
    country("MC", "Monaco", "377", "00", "0", "8-9", "8-9"),
    country("MD", "Moldova", "373", "00", "0", "8", "8"),
    country("ME", "Montenegro", "382", "00", "0", "8-9", "8"),
    country("MF", "Saint Martin", "590", "00", "0", "9", "9"),
    country("MG", "Madagascar", "261", "00", "0", "9", "9"),
    country("MH", "Marshall Islands", "692", "011", "1", "7", "7"),
    country("MK", "North Macedonia", "389", "00", "0", "8", "8"),
    country("ML", "Mali", "223", "00", "", "8", "8"),
    country("MM", "Myanmar", "95", "00", "0", "6-10", "7-10"),
    country("MN", "Mongolia", "976", "001", "0", "8-10", "8"),
    country("MO", "Macau", "853", "00", "", "7-8", "7-8"),
    country("MP", "Northern Mariana Islands", "1", "011", "1", "10", "10"),
    country("MQ", "Martinique", "596", "00", "0", "9", "9"),
    country("MR", "Mauritania", "222", "00", "", "8", "8"),
    country("MS", "Montserrat", "1", "011", "1", "10", "10"),
    country("MT", "Malta", "356", "00", "", "8", "8"),
    country("MU", "Mauritius", "230", "020 00 030 033 040 050", "", "7-8 10", "7-8"),
    country("MV", "Maldives", "960", "00 019", "", "7 10", "7 10"),
    country("MW", "Malawi", "265", "00", "0", "7 9", "7 9"),
    country("MX", "Mexico", "52", "00 09", "", "10", "10"),
    country("MY", "Malaysia", "60", "00", "0", "8-10", "8-10"),
    country("MZ", "Mozambique", "258", "00", "", "8-9", "8-9"),
    country("NA", "Namibia", "264", "00", "0", "8-9", "8-9"),
    country("NC", "New Caledonia", "687", "00", "", "6", "6"),
    country("NE", "Niger", "227", "00", "", "8", "8"),
    country("NF", "Norfolk Island", "672", "00", "", "6", "6"),
    country("NG", "Nigeria", "234", "009", "0", "10-12", "10-11"),
    country("NI", "Nicaragua", "505", "00", "", "8", "8"),
    country("NL", "Netherlands", "31", "00", "0", "6-11", "9"),
    country("NO", "Norway", "47", "00", "", "8", "8"),
    country("NP", "Nepal", "977", "00", "0", "8 10-11", "8 10-11"),
    country("NR", "Nauru", "674", "00", "", "7", "7"),
    country("NU", "Niue", "683", "00", "", "4 7", "4 7"),
    country("NZ", "New Zealand", "64", "00 0161", "0", "6-10", "8-10"),
    country("OM", "Oman", "968", "00", "", "7-9", "8"),
    country("PA", "Panama", "507", "00", "", "7-8 10-11", "7-8"),
    country("PE", "Peru", "51", "00", "0", "8-9", "8-9"),
    country("PF", "French Polynesia", "689", "00", "", "6 8-9", "6 8-9"),
    country("PG", "Papua New Guinea", "675", "00 1401 1402 1403", "", "7-8", "7-8"),
    country("PH", "Philippines", "63", "00", "0", "6 8-13", "8-10"),
    country("PK", "Pakistan", "92", "00", "0", "8-12", "9-10"),
    country("PL", "Poland", "48", "00", "", "6-10", "9"),
    country("PM", "Saint Pierre and Miquelon", "508", "00", "0", "6 9", "9"),
    country("PR", "Puerto Rico", "1", "011", "1", "10", "10"),
    country("PS", "Palestine", "970", "00", "0", "8-10", "8-10"),
    country("PT", "Portugal", "351", "00", "", "9", "9"),
    country("PW", "Palau", "680", "011 012", "", "7", "7"),
    country("PY", "Paraguay", "595", "00", "0", "6-11", "8-9"),
    country("QA", "Qatar", "974", "00", "", "7-9 11", "7-8"),
    country("RE", "Réunion", "262", "00", "0", "9", "9"),
    country("RO", "Romania", "40", "00", "0", "6 9", "9"),
    country("RS", "Serbia", "381", "00", "0", "6-12", "8-9"),
    country("RU", "Russia", "7", "810", "8", "10 14", "10"),
    country("RW", "Rwanda", "250", "00", "0", "8-9", "9"),
    country("SA", "Saudi Arabia", "966", "00", "0", "9-10", "9"),
    country("SB", "Solomon Islands", "677", "00 01", "", "5 7", "5 7"),
    country("SC", "Seychelles", "248", "00 010 01 02", "", "7", "7"),
    country("SD", "Sudan", "249", "00", "0", "9", "9"),
    country("SE", "Sweden", "46", "00", "0", "6-10 12", "7-9"),
    country("SG", "Singapore", "65", "001 002 008 013 018 019", "", "8 10-11", "8 10-11"),
    country("SH", "Saint Helena", "290", "00", "", "5", "5"),
    country("SI", "Slovenia", "386", "00 1022 1066 1088 1099", "0", "6-8", "8"),
    country("SJ", "Svalbard and Jan Mayen", "47", "00", "", "8", "8"),
    country("SK", "Slovakia", "421", "00", "0", "6-7 9", "9"),
    country("SL", "Sierra Leone", "232", "00", "0", "8", "8"),
    country("SM", "San Marino", "378", "00", "", "8 10", "8 10"),
    country("SN", "Senegal", "221", "00", "", "9", "9"),
    country("SO", "Somalia", "252", "00", "0", "6-9", "7-8"),
    country("SR", "Suriname", "597", "00", "", "6-7", "6-7"),
    country("SS", "South Sudan", "211", "00", "0", "9", "9"),
    country("ST", "São Tomé and Príncipe", "239", "00", "", "7", "7"),
    country("SV", "El Salvador", "503", "00", "", "7-8 11", "7-8"),
    country("SX", "Sint Maarten", "1", "011", "1", "10", "10"),
    country("SY", "Syria", "963", "00", "0", "8-9", "9"),
    country("SZ", "Eswatini", "268", "00", "", "8-9", "8-9"),
    country("TA", "Tristan da Cunha", "290", "00", "", "4", "4"),
    country("TC", "Turks and Caicos Islands", "1", "011", "1", "10", "10"),
    country("TD", "Chad", "235", "00 16", "", "8", "8"),
    country("TG", "Togo", "228", "00", "", "8", "8"),
    country("TH", "Thailand", "66", "001 004 005 007 008 009", "0", "8-10 13", "8-10"),
    country("TJ", "Tajikistan", "992", "810", "", "9", "9"),
    country("TK", "Tokelau", "690", "00", "", "4 6-7", "4"),
    country("TL", "Timor-Leste", "670", "00", "", "7-8", "7-8"),
    country("TM", "Turkmenistan", "993", "810", "8", "8", "8"),
    country("TN", "Tunisia", "216", "00", "", "8", "8"),
    country("TO", "Tonga", "676", "00", "", "5 7", "5 7"),
    country("TR", "Türkiye", "90", "00", "0", "7 10 12-13", "10"),
    country("TT", "Trinidad and Tobago", "1", "011", "1", "10", "10"),
    country("TV", "Tuvalu", "688", "00", "", "5-7", "5-6"),
    country("TW", "Taiwan", "886", "002 005 006 007 009 019", "0", "7-11", "8-9"),
    country("TZ", "Tanzania", "255", "000 005 006", "0", "9", "9"),
    country("UA", "Ukraine", "380", "00", "0", "9-10", "9"),
    country("UG", "Uganda", "256", "000 005 007", "0", "9", "9"),
    country("US", "United States", "1", "011", "1", "10", "10"),
    country("UY", "Uruguay", "598", "00", "0", "6-12", "8"),
    country("UZ", "Uzbekistan", "998", "00", "", "9", "9"),
    country("VA", "Vatican City", "39", "00", "", "6-12", "9-11"),
    country("VC", "Saint Vincent and the Grenadines", "1", "011", "1", "10", "10"),
    country("VE", "Venezuela", "58", "00", "0", "10", "10"),
    country("VG", "British Virgin Islands", "1", "011", "1", "10", "10"),
    country("VI", "US Virgin Islands", "1", "011", "1", "10", "10"),
    country("VN", "Vietnam", "84", "00", "0", "7-10", "9-10"),
    country("VU", "Vanuatu", "678", "00", "", "5 7", "5 7"),
    country("WF", "Wallis and Futuna", "681", "00", "", "6 9", "6 9"),
    country("WS", "Samoa", "685", "0", "", "5-7 10", "5-7"),
    country("XK", "Kosovo", "383", "00", "0", "8-12", "8"),
    country("YE", "Yemen", "967", "00", "0", "7-9", "7-9"),
    country("YT", "Mayotte", "262", "00", "0", "9", "9"),
    country("ZA", "South Africa", "27", "00", "0", "6-10", "9"),
    country("ZM", "Zambia", "260", "00", "0", "9", "9"),
    country("ZW", "Zimbabwe", "263", "00", "0", "7 9-10", "9"),
    country("800", "International freephone", "800", "", "", "8", "8"),
    country("808", "International shared cost", "808", "", "", "8", "8"),
    country("870", "Inmarsat", "870", "", "", "9 12", "9"),
    country("878", "Universal personal numbers", "878", "", "", "12", "12"),
    country("881", "Satellite networks", "881", "", "", "9-10", "9"),
    country("882", "International networks", "882", "", "", "7-12", "7-12"),
    country("883", "International networks", "883", "", "", "8-12", "9"),
    country("888", "Disaster relief", "888", "", "", "11", "11"),
    country("979", "International premium rate", "979", "", "", "9", "9"),
];

#[cfg(test)]
mod tests;

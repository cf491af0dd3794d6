//! How the countries of the world dial: country code, prefixes, lengths of national numbers.
//!
//! The lengths are those of numbers that call and are called, not of every service number: a plan
//! that took five digits for a national number would make numbers of extensions and short codes.
//! Where a country knows several international prefixes (a choice of carriers), the table has one
//! that names the usual carrier; a trunk that sends another is better told to send a `+`.

use ani_ebpf::dial_plan::{DialPlan, Digits};

/// A country and how it dials.
#[derive(Clone, Copy, Debug)]
pub struct Country {
    /// ISO 3166-1 alpha-2 code; `XK` for Kosovo, which has none but is dialled.
    pub code: &'static str,
    /// Its English name.
    pub name: &'static str,
    plan: DialPlan,
}

impl Country {
    /// Its country code (ITU-T E.164), digits.
    pub fn calling_code(&self) -> String {
        let Digits { bcd, len } = self.plan.country;
        let digits = format!("{bcd:04x}");
        digits.get(digits.len().saturating_sub(len.into())..).unwrap_or_default().to_owned()
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

/// Reached only while the table below is compiled, where a panic is a compile error.
const fn digits(text: &str) -> Digits {
    match Digits::from_ascii(text.as_bytes()) {
        Some(digits) => digits,
        None => panic!("a prefix is one to four digits"),
    }
}

const fn country(
    code: &'static str,
    name: &'static str,
    country: &str,
    international: &str,
    national: &str,
    national_min: u8,
    national_max: u8,
) -> Country {
    let plan = DialPlan {
        country: digits(country),
        international: digits(international),
        national: digits(national),
        national_min,
        national_max,
        ..DialPlan::NONE
    };
    Country { code, name, plan }
}

/// Code, name, country code (ITU-T E.164), international prefix, national prefix (empty: none),
/// shortest and longest national number.
#[rustfmt::skip]
pub const COUNTRIES: &[Country] = &[
    country("AD", "Andorra", "376", "00", "", 6, 9),
    country("AE", "United Arab Emirates", "971", "00", "0", 8, 9),
    country("AI", "Anguilla", "1", "011", "1", 10, 10),
    country("AL", "Albania", "355", "00", "0", 6, 9),
    country("AM", "Armenia", "374", "00", "0", 8, 8),
    country("AO", "Angola", "244", "00", "", 9, 9),
    country("AR", "Argentina", "54", "00", "0", 10, 11),
    country("AT", "Austria", "43", "00", "0", 7, 13),
    country("AU", "Australia", "61", "0011", "0", 9, 10),
    country("AX", "Åland", "358", "00", "0", 6, 10),
    country("AZ", "Azerbaijan", "994", "00", "0", 9, 9),
    country("BA", "Bosnia and Herzegovina", "387", "00", "0", 8, 9),
    country("BB", "Barbados", "1", "011", "1", 10, 10),
    country("BD", "Bangladesh", "880", "00", "0", 8, 10),
    country("BE", "Belgium", "32", "00", "0", 8, 9),
    country("BG", "Bulgaria", "359", "00", "0", 7, 9),
    country("BH", "Bahrain", "973", "00", "", 8, 8),
    country("BM", "Bermuda", "1", "011", "1", 10, 10),
    country("BO", "Bolivia", "591", "00", "0", 8, 9),
    country("BR", "Brazil", "55", "00", "0", 8, 11),
    country("BS", "Bahamas", "1", "011", "1", 10, 10),
    country("BW", "Botswana", "267", "00", "", 7, 8),
    country("BY", "Belarus", "375", "810", "8", 9, 10),
    country("CA", "Canada", "1", "011", "1", 10, 10),
    country("CH", "Switzerland", "41", "00", "0", 9, 9),
    country("CI", "Côte d'Ivoire", "225", "00", "", 10, 10),
    country("CL", "Chile", "56", "00", "", 9, 9),
    country("CM", "Cameroon", "237", "00", "", 9, 9),
    country("CN", "China", "86", "00", "0", 10, 11),
    country("CO", "Colombia", "57", "00", "0", 10, 11),
    country("CR", "Costa Rica", "506", "00", "", 8, 8),
    country("CU", "Cuba", "53", "119", "0", 8, 10),
    country("CY", "Cyprus", "357", "00", "", 8, 8),
    country("CZ", "Czechia", "420", "00", "", 9, 9),
    country("DE", "Germany", "49", "00", "0", 7, 11),
    country("DK", "Denmark", "45", "00", "", 8, 8),
    country("DO", "Dominican Republic", "1", "011", "1", 10, 10),
    country("DZ", "Algeria", "213", "00", "0", 8, 9),
    country("EC", "Ecuador", "593", "00", "0", 8, 9),
    country("EE", "Estonia", "372", "00", "", 7, 8),
    country("EG", "Egypt", "20", "00", "0", 9, 10),
    country("ES", "Spain", "34", "00", "", 9, 9),
    country("ET", "Ethiopia", "251", "00", "0", 9, 9),
    country("FI", "Finland", "358", "00", "0", 6, 10),
    country("FO", "Faroe Islands", "298", "00", "", 6, 6),
    country("FR", "France", "33", "00", "0", 9, 9),
    country("GB", "United Kingdom", "44", "00", "0", 9, 10),
    country("GD", "Grenada", "1", "011", "1", 10, 10),
    country("GE", "Georgia", "995", "00", "0", 9, 9),
    country("GF", "French Guiana", "594", "00", "0", 9, 9),
    country("GG", "Guernsey", "44", "00", "0", 10, 10),
    country("GH", "Ghana", "233", "00", "0", 9, 9),
    country("GI", "Gibraltar", "350", "00", "", 8, 8),
    country("GP", "Guadeloupe", "590", "00", "0", 9, 9),
    country("GR", "Greece", "30", "00", "", 10, 10),
    country("GT", "Guatemala", "502", "00", "", 8, 8),
    country("GU", "Guam", "1", "011", "1", 10, 10),
    country("HK", "Hong Kong", "852", "001", "", 8, 9),
    country("HN", "Honduras", "504", "00", "", 8, 8),
    country("HR", "Croatia", "385", "00", "0", 7, 9),
    country("HT", "Haiti", "509", "00", "", 8, 8),
    country("HU", "Hungary", "36", "00", "06", 8, 9),
    country("ID", "Indonesia", "62", "008", "0", 8, 11),
    country("IE", "Ireland", "353", "00", "0", 7, 10),
    country("IL", "Israel", "972", "00", "0", 8, 10),
    country("IM", "Isle of Man", "44", "00", "0", 10, 10),
    country("IN", "India", "91", "00", "0", 10, 11),
    country("IQ", "Iraq", "964", "00", "0", 8, 10),
    country("IR", "Iran", "98", "00", "0", 10, 10),
    country("IS", "Iceland", "354", "00", "", 7, 7),
    country("IT", "Italy", "39", "00", "", 8, 10),
    country("JE", "Jersey", "44", "00", "0", 10, 10),
    country("JM", "Jamaica", "1", "011", "1", 10, 10),
    country("JO", "Jordan", "962", "00", "0", 8, 9),
    country("JP", "Japan", "81", "010", "0", 9, 10),
    country("KE", "Kenya", "254", "000", "0", 9, 9),
    country("KG", "Kyrgyzstan", "996", "00", "0", 9, 9),
    country("KH", "Cambodia", "855", "001", "0", 8, 10),
    country("KR", "South Korea", "82", "001", "0", 8, 10),
    country("KW", "Kuwait", "965", "00", "", 8, 8),
    country("KY", "Cayman Islands", "1", "011", "1", 10, 10),
    country("KZ", "Kazakhstan", "7", "810", "8", 10, 10),
    country("LB", "Lebanon", "961", "00", "0", 7, 8),
    country("LC", "Saint Lucia", "1", "011", "1", 10, 10),
    country("LI", "Liechtenstein", "423", "00", "0", 7, 9),
    country("LK", "Sri Lanka", "94", "00", "0", 9, 9),
    country("LT", "Lithuania", "370", "00", "0", 8, 8),
    country("LU", "Luxembourg", "352", "00", "", 6, 9),
    country("LV", "Latvia", "371", "00", "", 8, 8),
    country("LY", "Libya", "218", "00", "0", 9, 9),
    country("MA", "Morocco", "212", "00", "0", 9, 9),
    country("MC", "Monaco", "377", "00", "0", 8, 9),
    country("MD", "Moldova", "373", "00", "0", 8, 8),
    country("ME", "Montenegro", "382", "00", "0", 8, 8),
    country("MG", "Madagascar", "261", "00", "0", 9, 9),
    country("MK", "North Macedonia", "389", "00", "0", 8, 8),
    country("MM", "Myanmar", "95", "00", "0", 7, 10),
    country("MN", "Mongolia", "976", "001", "0", 8, 8),
    country("MO", "Macau", "853", "00", "", 7, 8),
    country("MT", "Malta", "356", "00", "", 8, 8),
    country("MU", "Mauritius", "230", "020", "", 7, 8),
    country("MX", "Mexico", "52", "00", "", 10, 10),
    country("MY", "Malaysia", "60", "00", "0", 8, 10),
    country("MZ", "Mozambique", "258", "00", "", 8, 9),
    country("NG", "Nigeria", "234", "009", "0", 10, 11),
    country("NI", "Nicaragua", "505", "00", "", 8, 8),
    country("NL", "Netherlands", "31", "00", "0", 9, 9),
    country("NO", "Norway", "47", "00", "", 8, 8),
    country("NP", "Nepal", "977", "00", "0", 8, 11),
    country("NZ", "New Zealand", "64", "00", "0", 8, 10),
    country("OM", "Oman", "968", "00", "", 8, 8),
    country("PA", "Panama", "507", "00", "", 7, 8),
    country("PE", "Peru", "51", "00", "0", 8, 9),
    country("PH", "Philippines", "63", "00", "0", 8, 10),
    country("PK", "Pakistan", "92", "00", "0", 8, 10),
    country("PL", "Poland", "48", "00", "", 9, 9),
    country("PR", "Puerto Rico", "1", "011", "1", 10, 10),
    country("PT", "Portugal", "351", "00", "", 9, 9),
    country("PY", "Paraguay", "595", "00", "0", 8, 9),
    country("QA", "Qatar", "974", "00", "", 8, 8),
    country("RE", "Réunion", "262", "00", "0", 9, 9),
    country("RO", "Romania", "40", "00", "0", 9, 9),
    country("RS", "Serbia", "381", "00", "0", 8, 9),
    country("RU", "Russia", "7", "810", "8", 10, 10),
    country("RW", "Rwanda", "250", "00", "0", 9, 9),
    country("SA", "Saudi Arabia", "966", "00", "0", 9, 9),
    country("SE", "Sweden", "46", "00", "0", 7, 9),
    country("SG", "Singapore", "65", "001", "", 8, 8),
    country("SI", "Slovenia", "386", "00", "0", 8, 8),
    country("SK", "Slovakia", "421", "00", "0", 9, 9),
    country("SN", "Senegal", "221", "00", "", 9, 9),
    country("SV", "El Salvador", "503", "00", "", 7, 8),
    country("TH", "Thailand", "66", "001", "0", 8, 10),
    country("TN", "Tunisia", "216", "00", "", 8, 8),
    country("TR", "Türkiye", "90", "00", "0", 10, 10),
    country("TT", "Trinidad and Tobago", "1", "011", "1", 10, 10),
    country("TW", "Taiwan", "886", "002", "0", 8, 9),
    country("TZ", "Tanzania", "255", "000", "0", 9, 9),
    country("UA", "Ukraine", "380", "00", "0", 9, 9),
    country("UG", "Uganda", "256", "000", "0", 9, 9),
    country("US", "United States", "1", "011", "1", 10, 10),
    country("UY", "Uruguay", "598", "00", "0", 7, 8),
    country("UZ", "Uzbekistan", "998", "00", "", 9, 9),
    country("VE", "Venezuela", "58", "00", "0", 10, 10),
    country("VG", "British Virgin Islands", "1", "011", "1", 10, 10),
    country("VI", "US Virgin Islands", "1", "011", "1", 10, 10),
    country("VN", "Vietnam", "84", "00", "0", 9, 10),
    country("XK", "Kosovo", "383", "00", "0", 8, 8),
    country("ZA", "South Africa", "27", "00", "0", 9, 9),
    country("ZM", "Zambia", "260", "00", "0", 9, 9),
    country("ZW", "Zimbabwe", "263", "00", "0", 9, 9),
];

#[cfg(test)]
mod tests;

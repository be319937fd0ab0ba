//! Where countries lie, roughly: circles that hold all of their land, so that between neighbours there is no distance at all.
//!
//! Centre and radius of each circle are ours, laid generously around the land of every ISO 3166-1 country (and `XK`), several
//! where one would hold half an ocean. Whoever draws a circle smaller makes honest travellers suspects.
//!
//! Reckoned in whole numbers, so that every machine says the same: sines by Bhaskara's formula (off by 0.0016 at most, 10 km),
//! distances straight through the earth, up to a third shorter than over it.

use crate::domain::profile::event::Country;

/// Kilometres.
const EARTH_RADIUS: i64 = 6_371;

/// Country, latitude and longitude in tenths of a degree, radius in kilometres; by country.
#[rustfmt::skip]
const PLACES: [(Country, i16, i16, u16); 363] = [
    (*b"AD", 425, 16, 40), (*b"AE", 240, 540, 350), (*b"AF", 339, 660, 900), (*b"AG", 173, -618, 60),
    (*b"AI", 182, -630, 50), (*b"AL", 411, 201, 200), (*b"AM", 402, 450, 220), (*b"AO", -123, 175, 950),
    (*b"AQ", -900, 0, 3100), (*b"AR", -350, -650, 2300), (*b"AS", -142, -1703, 350), (*b"AT", 476, 135, 400),
    (*b"AU", -255, 1345, 2400), (*b"AU", -315, 1591, 100), (*b"AU", -545, 1589, 100), (*b"AW", 125, -700, 80),
    (*b"AX", 602, 200, 100), (*b"AZ", 403, 477, 350), (*b"BA", 442, 178, 240), (*b"BB", 132, -595, 40),
    (*b"BD", 237, 903, 450), (*b"BE", 506, 47, 200), (*b"BF", 123, -17, 550), (*b"BG", 427, 253, 330),
    (*b"BH", 260, 505, 60), (*b"BI", -34, 299, 170), (*b"BJ", 95, 23, 480), (*b"BL", 179, -628, 30),
    (*b"BM", 323, -648, 40), (*b"BN", 45, 1147, 110), (*b"BO", -167, -647, 900), (*b"BQ", 122, -683, 60),
    (*b"BQ", 175, -631, 60), (*b"BR", -105, -530, 2500), (*b"BR", -39, -324, 150), (*b"BS", 242, -760, 650),
    (*b"BT", 274, 904, 220), (*b"BV", -544, 34, 40), (*b"BW", -222, 238, 700), (*b"BY", 535, 280, 420),
    (*b"BZ", 172, -886, 200), (*b"CA", 495, -660, 1500), (*b"CA", 520, -930, 1700), (*b"CA", 560, -1180, 1600),
    (*b"CA", 660, -1300, 1300), (*b"CA", 720, -900, 1800), (*b"CC", -122, 968, 50), (*b"CD", -29, 236, 1400),
    (*b"CF", 66, 205, 900), (*b"CG", -8, 152, 750), (*b"CH", 468, 82, 220), (*b"CI", 76, -56, 470),
    (*b"CK", -150, -1600, 950), (*b"CL", -230, -695, 800), (*b"CL", -350, -715, 850), (*b"CL", -485, -725, 1000),
    (*b"CL", -271, -1094, 100), (*b"CL", -336, -788, 150), (*b"CM", 57, 127, 900), (*b"CN", 350, 1040, 2300),
    (*b"CN", 450, 1250, 1200), (*b"CN", 405, 820, 1200), (*b"CN", 200, 1100, 600), (*b"CO", 39, -731, 1200),
    (*b"CO", 126, -817, 120), (*b"CR", 99, -842, 330), (*b"CR", 55, -871, 60), (*b"CU", 219, -794, 700),
    (*b"CV", 157, -239, 250), (*b"CW", 122, -690, 60), (*b"CX", -105, 1056, 40), (*b"CY", 350, 332, 150),
    (*b"CZ", 498, 153, 300), (*b"DE", 511, 104, 520), (*b"DJ", 118, 426, 150), (*b"DK", 560, 105, 250),
    (*b"DK", 551, 149, 50), (*b"DM", 154, -614, 50), (*b"DO", 189, -705, 250), (*b"DZ", 282, 26, 1250),
    (*b"EC", -15, -785, 500), (*b"EC", -6, -905, 200), (*b"EE", 587, 255, 260), (*b"EG", 266, 298, 850),
    (*b"EH", 242, -130, 600), (*b"ER", 154, 388, 550), (*b"ES", 402, -36, 700), (*b"ES", 396, 29, 250),
    (*b"ES", 283, -158, 300), (*b"ET", 86, 396, 950), (*b"FI", 645, 263, 700), (*b"FJ", -178, 1785, 500),
    (*b"FJ", -125, 1770, 120), (*b"FK", -517, -594, 180), (*b"FM", 69, 1582, 650), (*b"FM", 85, 1450, 1000),
    (*b"FO", 620, -69, 250), (*b"FR", 466, 24, 700), (*b"FR", 421, 91, 150), (*b"GA", -6, 118, 420),
    (*b"GB", 528, -18, 420), (*b"GB", 568, -42, 400), (*b"GB", 546, -67, 120), (*b"GB", 604, -12, 120),
    (*b"GD", 121, -617, 50), (*b"GE", 422, 435, 320), (*b"GF", 39, -531, 280), (*b"GG", 495, -25, 50),
    (*b"GH", 79, -12, 450), (*b"GI", 361, -53, 20), (*b"GL", 720, -400, 1450), (*b"GM", 134, -154, 220),
    (*b"GN", 104, -109, 480), (*b"GP", 162, -615, 70), (*b"GQ", 16, 103, 180), (*b"GQ", 35, 87, 60),
    (*b"GQ", -14, 56, 40), (*b"GR", 390, 228, 480), (*b"GR", 357, 255, 250), (*b"GR", 370, 268, 250),
    (*b"GS", -544, -367, 150), (*b"GS", -575, -267, 250), (*b"GT", 157, -903, 300), (*b"GU", 134, 1448, 40),
    (*b"GW", 120, -150, 210), (*b"GY", 48, -589, 480), (*b"HK", 224, 1141, 50), (*b"HM", -531, 735, 50),
    (*b"HN", 148, -866, 400), (*b"HR", 450, 164, 360), (*b"HT", 189, -727, 220), (*b"HU", 472, 194, 320),
    (*b"ID", 0, 1020, 900), (*b"ID", -75, 1105, 650), (*b"ID", -5, 1145, 700), (*b"ID", -20, 1215, 650),
    (*b"ID", -90, 1205, 700), (*b"ID", -35, 1300, 750), (*b"ID", -45, 1380, 700), (*b"IE", 532, -82, 300),
    (*b"IL", 314, 350, 260), (*b"IM", 542, -45, 40), (*b"IN", 225, 795, 1500), (*b"IN", 120, 775, 700),
    (*b"IN", 265, 930, 550), (*b"IN", 340, 770, 450), (*b"IN", 102, 930, 500), (*b"IN", 108, 728, 400),
    (*b"IO", -68, 720, 200), (*b"IQ", 330, 437, 600), (*b"IR", 326, 543, 1150), (*b"IS", 649, -186, 320),
    (*b"IT", 435, 118, 620), (*b"IT", 385, 155, 400), (*b"IT", 400, 90, 200), (*b"IT", 362, 132, 200),
    (*b"JE", 492, -21, 30), (*b"JM", 181, -773, 150), (*b"JO", 312, 368, 320), (*b"JP", 365, 1380, 700),
    (*b"JP", 433, 1428, 350), (*b"JP", 325, 1310, 350), (*b"JP", 265, 1278, 400), (*b"JP", 244, 1238, 150),
    (*b"JP", 270, 1422, 200), (*b"JP", 243, 1540, 60), (*b"KE", 5, 379, 650), (*b"KG", 415, 746, 550),
    (*b"KH", 127, 1050, 330), (*b"KI", 14, 1730, 450), (*b"KI", -35, -1720, 500), (*b"KI", 18, -1574, 900),
    (*b"KM", -120, 438, 170), (*b"KN", 173, -627, 50), (*b"KP", 402, 1272, 430), (*b"KR", 363, 1279, 380),
    (*b"KR", 334, 1265, 80), (*b"KW", 293, 476, 150), (*b"KY", 195, -807, 130), (*b"KZ", 480, 670, 1550),
    (*b"LA", 185, 1038, 600), (*b"LB", 339, 359, 120), (*b"LC", 139, -610, 40), (*b"LI", 472, 95, 20),
    (*b"LK", 77, 807, 270), (*b"LR", 65, -93, 330), (*b"LS", -296, 282, 150), (*b"LT", 553, 239, 260),
    (*b"LU", 498, 61, 60), (*b"LV", 569, 249, 280), (*b"LY", 270, 180, 1000), (*b"MA", 315, -65, 850),
    (*b"MC", 437, 74, 10), (*b"MD", 472, 285, 230), (*b"ME", 428, 192, 120), (*b"MF", 181, -631, 30),
    (*b"MG", -194, 467, 880), (*b"MH", 80, 1690, 650), (*b"MK", 416, 217, 140), (*b"ML", 174, -40, 1100),
    (*b"MM", 205, 965, 800), (*b"MM", 125, 987, 550), (*b"MN", 469, 1031, 1250), (*b"MO", 222, 1136, 30),
    (*b"MP", 165, 1456, 500), (*b"MQ", 147, -610, 50), (*b"MR", 203, -104, 900), (*b"MS", 167, -622, 30),
    (*b"MT", 359, 144, 40), (*b"MU", -202, 576, 60), (*b"MU", -197, 634, 60), (*b"MU", -104, 566, 80),
    (*b"MV", 32, 732, 500), (*b"MW", -132, 343, 480), (*b"MX", 239, -1025, 1800), (*b"MX", 205, -890, 450),
    (*b"MY", 40, 1022, 430), (*b"MY", 38, 1145, 650), (*b"MZ", -173, 355, 1250), (*b"NA", -221, 172, 950),
    (*b"NC", -213, 1656, 400), (*b"NE", 174, 94, 1050), (*b"NF", -290, 1679, 30), (*b"NG", 96, 81, 820),
    (*b"NI", 129, -850, 330), (*b"NL", 522, 54, 200), (*b"NO", 615, 95, 500), (*b"NO", 675, 155, 450),
    (*b"NO", 700, 255, 350), (*b"NP", 282, 839, 520), (*b"NR", -5, 1669, 30), (*b"NU", -191, -1699, 40),
    (*b"NZ", -415, 1730, 900), (*b"NZ", -440, -1765, 120), (*b"NZ", -507, 1660, 250), (*b"OM", 206, 561, 650),
    (*b"PA", 85, -801, 350), (*b"PE", -92, -744, 1250), (*b"PF", -175, -1495, 500), (*b"PF", -90, -1398, 350),
    (*b"PF", -175, -1430, 700), (*b"PF", -225, -1360, 600), (*b"PF", -234, -1500, 500), (*b"PG", -65, 1452, 750),
    (*b"PG", -55, 1520, 600), (*b"PH", 155, 1212, 550), (*b"PH", 100, 1230, 500), (*b"PH", 75, 1245, 550),
    (*b"PH", 95, 1185, 350), (*b"PK", 299, 693, 1100), (*b"PL", 521, 194, 450), (*b"PM", 469, -563, 40),
    (*b"PN", -247, -1270, 350), (*b"PR", 182, -664, 150), (*b"PS", 319, 352, 120), (*b"PT", 396, -80, 330),
    (*b"PT", 327, -170, 120), (*b"PT", 385, -280, 400), (*b"PW", 65, 1335, 550), (*b"PY", -232, -584, 680),
    (*b"QA", 253, 512, 110), (*b"RE", -211, 555, 50), (*b"RO", 458, 249, 420), (*b"RS", 442, 208, 280),
    (*b"RU", 550, 400, 1250), (*b"RU", 547, 206, 150), (*b"RU", 660, 450, 1400), (*b"RU", 580, 650, 1300),
    (*b"RU", 600, 900, 1500), (*b"RU", 620, 1150, 1500), (*b"RU", 680, 1000, 1500), (*b"RU", 550, 1300, 1300),
    (*b"RU", 650, 1450, 1300), (*b"RU", 465, 1400, 900), (*b"RU", 600, 1650, 1100), (*b"RU", 670, 1780, 700),
    (*b"RU", 440, 450, 600), (*b"RW", -20, 299, 140), (*b"SA", 240, 445, 1150), (*b"SB", -89, 1596, 550),
    (*b"SB", -110, 1660, 350), (*b"SC", -50, 555, 250), (*b"SC", -90, 485, 450), (*b"SD", 159, 302, 1000),
    (*b"SE", 585, 150, 430), (*b"SE", 645, 175, 550), (*b"SG", 14, 1038, 40), (*b"SH", -159, -57, 30),
    (*b"SH", -80, -144, 30), (*b"SH", -371, -123, 60), (*b"SH", -403, -99, 30), (*b"SI", 461, 148, 150),
    (*b"SJ", 785, 180, 400), (*b"SJ", 710, -85, 60), (*b"SK", 487, 195, 240), (*b"SL", 86, -118, 200),
    (*b"SM", 439, 125, 20), (*b"SN", 144, -145, 400), (*b"SO", 60, 460, 1000), (*b"SR", 41, -559, 320),
    (*b"SS", 73, 302, 750), (*b"ST", 8, 68, 130), (*b"SV", 137, -889, 160), (*b"SX", 180, -631, 30),
    (*b"SY", 350, 385, 450), (*b"SZ", -266, 315, 120), (*b"TC", 218, -718, 100), (*b"TD", 154, 187, 1000),
    (*b"TF", -493, 695, 250), (*b"TF", -464, 515, 200), (*b"TF", -383, 775, 100), (*b"TF", -165, 430, 650),
    (*b"TG", 85, 10, 320), (*b"TH", 158, 1010, 650), (*b"TH", 90, 995, 450), (*b"TJ", 385, 710, 460),
    (*b"TK", -90, -1718, 150), (*b"TL", -88, 1258, 220), (*b"TM", 391, 594, 700), (*b"TN", 341, 96, 480),
    (*b"TO", -200, -1748, 500), (*b"TR", 391, 352, 900), (*b"TT", 105, -612, 110), (*b"TV", -80, 1780, 450),
    (*b"TW", 237, 1210, 260), (*b"TW", 244, 1184, 60), (*b"TW", 262, 1200, 60), (*b"TZ", -63, 348, 780),
    (*b"UA", 490, 314, 850), (*b"UG", 13, 324, 420), (*b"UM", 193, 1666, 40), (*b"UM", 282, -1774, 40),
    (*b"UM", 167, -1695, 40), (*b"UM", 2, -1765, 150), (*b"UM", 60, -1624, 150), (*b"UM", -4, -1600, 40),
    (*b"US", 398, -986, 2700), (*b"US", 640, -1500, 1400), (*b"US", 530, -1700, 1100), (*b"US", 570, -1340, 500),
    (*b"US", 208, -1570, 450), (*b"US", 250, -1700, 1100), (*b"UY", -328, -560, 380), (*b"UZ", 417, 631, 850),
    (*b"VA", 419, 125, 10), (*b"VC", 131, -612, 80), (*b"VE", 71, -662, 900), (*b"VG", 185, -645, 50),
    (*b"VI", 180, -648, 70), (*b"VN", 205, 1050, 450), (*b"VN", 120, 1080, 650), (*b"VN", 90, 1055, 250),
    (*b"VU", -162, 1677, 550), (*b"WF", -138, -1772, 200), (*b"WS", -137, -1722, 120), (*b"XK", 426, 209, 110),
    (*b"YE", 159, 476, 700), (*b"YE", 126, 538, 150), (*b"YT", -128, 452, 40), (*b"ZA", -290, 251, 1100),
    (*b"ZA", -469, 378, 60), (*b"ZM", -135, 278, 850), (*b"ZW", -190, 299, 480),
];

/// A distance no circle knows to a few dozen kilometres is none.
const BLUR: i64 = 300;

/// Kilometres that lie between two countries at least; 0 between neighbours, and where a country is unknown.
pub fn apart_km(from: Country, to: Country) -> u64 {
    let pairs = circles(from).iter().flat_map(|from| circles(to).iter().map(move |to| between(from, to)));
    let nearest = pairs.min().unwrap_or(0);
    u64::try_from(if nearest < BLUR { 0 } else { nearest }).unwrap_or(0)
}

fn circles(country: Country) -> &'static [(Country, i16, i16, u16)] {
    let from = PLACES.partition_point(|place| place.0 < country);
    let until = PLACES.partition_point(|place| place.0 <= country);
    PLACES.get(from..until).unwrap_or(&[])
}

fn between(from: &(Country, i16, i16, u16), to: &(Country, i16, i16, u16)) -> i64 {
    let (a, b) = (point(from.1, from.2), point(to.1, to.2));
    let squares: i64 = a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum();
    squares.isqrt() - i64::from(from.3) - i64::from(to.3)
}

/// Kilometres from the centre of the earth.
fn point(latitude: i16, longitude: i16) -> [i64; 3] {
    let (latitude, longitude) = (i64::from(latitude), i64::from(longitude));
    let across = cos(latitude);
    let scaled = |part: i64| part * EARTH_RADIUS / UNIT;
    [scaled(across * cos(longitude) / UNIT), scaled(across * sin(longitude) / UNIT), scaled(sin(latitude))]
}

/// What stands for 1 in sines.
const UNIT: i64 = 1_000_000;

/// Of tenths of a degree, −1800 to 1800.
const fn sin(tenths: i64) -> i64 {
    let angle = tenths.abs();
    let product = angle * (1_800 - angle);
    tenths.signum() * UNIT * 4 * product / (4_050_000 - product)
}

const fn cos(tenths: i64) -> i64 {
    let quarter = 900 - tenths.abs();
    sin(quarter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order_and_sines_are_as_exact_as_stated() {
        assert!(PLACES.is_sorted_by_key(|place| place.0));
        let mut countries: Vec<Country> = PLACES.iter().map(|place| place.0).collect();
        countries.dedup();
        assert_eq!(countries.len(), 250);
        for (tenths, exact) in
            [(0, 0), (300, 500_000), (-300, -500_000), (900, 1_000_000), (1_500, 500_000), (1_800, 0)]
        {
            assert!((sin(tenths) - exact).abs() <= 1_700, "{tenths}");
        }
        for (tenths, exact) in [(0, 1_000_000), (600, 500_000), (-600, 500_000), (1_200, -500_000), (1_800, -1_000_000)]
        {
            assert!((cos(tenths) - exact).abs() <= 1_700, "{tenths}");
        }
    }

    #[test]
    fn nothing_lies_between_neighbours_however_large_they_are() {
        let neighbours = "AD-FR AE-OM AF-CN AO-CD AR-CL AT-CH AU-ID AZ-RU BD-MM BE-NL BO-CL BR-GF BR-PE CA-GL CA-US CD-SS CG-AO \
                          CL-PE CN-IN CN-KP CN-KZ CN-RU CN-VN CO-PA CU-US CY-TR DE-DK DK-SE DO-HT DZ-NE EE-FI EG-IL ES-MA ES-PT \
                          FI-RU FR-GB FR-IT GB-IE GE-RU GR-TR HK-MO HR-IT ID-MY ID-PG ID-PH IN-LK IN-MM IN-PK IR-PK IT-MT IT-TN \
                          JP-KR JP-RU KE-SO KH-VN KZ-RU LA-MM ML-DZ MX-GT MX-US MY-SG MZ-ZA NA-ZM NO-RU NO-SE PH-MY RU-US \
                          SA-YE TD-SD TH-LA TT-VE ZM-TZ";
        for pair in neighbours.split_whitespace() {
            let (from, to) = pair.split_once('-').expect("a pair");
            let code = |text: &str| -> Country { text.as_bytes().try_into().expect("two letters") };
            assert_eq!(apart_km(code(from), code(to)), 0, "{pair}");
            assert_eq!(apart_km(code(to), code(from)), 0, "{pair}");
        }
    }

    #[test]
    fn what_lies_far_apart_is_far_and_the_unknown_is_near() {
        // Between: the least a traveller covers, and over the earth from border to border.
        let check = |from: &[u8; 2], to: &[u8; 2], least: u64, most: u64| {
            let km = apart_km(*from, *to);
            assert!(least <= km && km <= most, "{km}");
        };
        check(b"DE", b"US", 3_000, 5_700);
        check(b"DE", b"BR", 4_500, 7_000);
        check(b"GB", b"AU", 7_500, 13_500);
        check(b"NG", b"GB", 2_800, 4_400);
        check(b"FR", b"CN", 3_300, 4_800);
        check(b"DE", b"DE", 0, 0);
        check(b"DE", b"ZZ", 0, 0);
        check(b"ZZ", b"QQ", 0, 0);
    }
}

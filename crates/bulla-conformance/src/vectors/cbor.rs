//! `cbor.json`: the canonical check (chapter `cbor.md`).

use bulla_core::cbor;

use super::{Case, Field, File, Format, Group, Inputs, Outcome, Random, Shape, Verdict};

/// Bytes that are, or are not, one canonical item.
pub(super) struct Cbor;

impl Format for Cbor {
    fn name(&self) -> &'static str {
        "cbor"
    }

    fn case_fields(&self) -> Vec<Field> {
        vec![Field::required("bytes", Shape::Hex, "the bytes to be checked")]
    }

    fn generate(&self) -> File {
        File::new()
            .note("Bytes that are, or are not, exactly one canonical item (CBOR-1 to CBOR-8, order of the rules CBOR-11).")
            .note("Well-formed examples are from RFC 8949, appendix A, where they lie in the subset; the rest is written by hand.")
            .flag("RFC8949", "an example of RFC 8949, appendix A")
            .flag("Order", "breaks two rules; CBOR-11 says which is named")
            .flag("Bomb", "announces or nests more than it holds")
            .group(Group::new().cases(valid()))
            .group(Group::new().cases(integers()))
            .group(Group::new().cases(outside_the_subset()))
            .group(Group::new().cases(cut_or_continued()))
            .group(Group::new().cases(maps()))
            .group(Group::new().cases(text()))
            .group(Group::new().cases(depth()))
            .group(Group::new().cases(order()))
    }

    fn run(&self, inputs: &Inputs<'_>) -> Outcome {
        Ok(match cbor::check(&inputs.hex("bytes")?) {
            Ok(()) => Verdict::Valid,
            Err(error) => Verdict::refused(&error.kind.code(), error.kind.clause()),
        })
    }
}

fn hex(digits: &str) -> Vec<u8> {
    data_encoding::HEXLOWER.decode(digits.as_bytes()).expect("the table holds hexadecimal digits")
}

fn refusals(code: &str, clause: &str, table: &[(&str, &str)]) -> Vec<Case> {
    table
        .iter()
        .map(|(comment, digits)| Case::invalid(*comment, code, clause).hex("bytes", hex(digits)))
        .collect()
}

fn valid() -> Vec<Case> {
    let rfc = [
        "00",
        "01",
        "0a",
        "17",
        "1818",
        "1819",
        "1864",
        "1903e8",
        "1a000f4240",
        "1b000000e8d4a51000",
        "1bffffffffffffffff",
        "f4",
        "f5",
        "f6",
        "40",
        "4401020304",
        "60",
        "6161",
        "6449455446",
        "62225c",
        "62c3bc",
        "63e6b0b4",
        "64f0908591",
        "80",
        "83010203",
        "8301820203820405",
        "98190102030405060708090a0b0c0d0e0f101112131415161718181819",
        "a0",
        "a201020304",
    ];
    let mut cases: Vec<_> = rfc
        .iter()
        .map(|digits| {
            Case::valid(format!("RFC 8949 example {digits}"))
                .flag("RFC8949")
                .hex("bytes", hex(digits))
        })
        .collect();
    let bounds = [
        ("largest integer of one byte", "18ff"),
        ("smallest integer of two bytes", "190100"),
        ("largest integer of two bytes", "19ffff"),
        ("smallest integer of four bytes", "1a00010000"),
        ("largest integer of four bytes", "1affffffff"),
        ("smallest integer of eight bytes", "1b0000000100000000"),
        ("map keys of growing length", "a41700181800190100001a0001000000"),
        ("highest map key", "a11bffffffffffffffff00"),
        ("eight levels of arrays", "8181818181818180"),
        ("eight levels of maps", "a100a100a100a100a100a100a100a0"),
        ("eight levels twice", "828181818181818081818181818180"),
        ("every type in one array", "870141616161a101f580f4f6"),
        ("text with a byte order mark and a null", "65efbbbf0041"),
        ("highest code point", "64f48fbfbf"),
        ("last code point before the surrogates", "63ed9fbf"),
    ];
    cases.extend(
        bounds.iter().map(|(comment, digits)| Case::valid(*comment).hex("bytes", hex(digits))),
    );
    let long =
        |length: usize, head: &str| [hex(head), Random::new("cbor bytes").bytes(length)].concat();
    cases.push(Case::valid("byte string of 24 bytes").hex("bytes", long(24, "5818")));
    cases.push(Case::valid("byte string of 256 bytes").hex("bytes", long(256, "590100")));
    cases
}

fn integers() -> Vec<Case> {
    refusals(
        "cbor.not_shortest",
        "CBOR-3",
        &[
            ("0 in one extra byte", "1800"),
            ("23 in one extra byte", "1817"),
            ("24 in two bytes", "190018"),
            ("255 in two bytes", "1900ff"),
            ("256 in four bytes", "1a00000100"),
            ("65535 in four bytes", "1a0000ffff"),
            ("65536 in eight bytes", "1b0000000000010000"),
            ("4294967295 in eight bytes", "1b00000000ffffffff"),
            ("byte string length 0 in one extra byte", "5800"),
            ("byte string length 1 in two bytes", "590001ff"),
            ("text length 1 in one extra byte", "780161"),
            ("array count 1 in one extra byte", "980100"),
            ("array count 1 in eight bytes", "9b000000000000000100"),
            ("map count 0 in one extra byte", "b800"),
            ("inside an array", "82001800"),
            ("as a map key", "a1180000"),
            ("as a map value", "a1001800"),
        ],
    )
}

fn outside_the_subset() -> Vec<Case> {
    let mut cases = refusals(
        "cbor.type",
        "CBOR-5",
        &[
            ("negative integer -1", "20"),
            ("negative integer -256", "38ff"),
            ("lowest negative integer", "3bffffffffffffffff"),
            ("half float 0.0", "f90000"),
            ("half float NaN", "f97e00"),
            ("single float", "fa47c35000"),
            ("double float", "fb3ff199999999999a"),
            ("undefined", "f7"),
            ("simple value 16", "f0"),
            ("simple value 255", "f8ff"),
            ("simple value 20 in two bytes", "f814"),
            ("reserved simple value 28", "fc"),
            ("tag 0", "c074323031332d30332d32315432303a30343a30305a"),
            ("tag 2, a big number", "c249010000000000000000"),
            ("tag 55799, self-described", "d9d9f700"),
            ("reserved argument 28 of an integer", "1c"),
            ("reserved argument 29 of a byte string", "5d"),
            ("reserved argument 30 of an array", "9e"),
            ("argument 31 of an integer", "1f"),
            ("argument 31 of a negative integer", "3f"),
            ("argument 31 of a tag", "df"),
            ("inside an array", "8120"),
            ("as a map value", "a100f7"),
            ("negative integer as a map key", "a12000"),
            ("float as a map key", "a1f9000000"),
        ],
    );
    cases.extend(refusals(
        "cbor.indefinite",
        "CBOR-4",
        &[
            ("byte string", "5f42010243030405ff"),
            ("text", "7f657374726561646d696e67ff"),
            ("array", "9fff"),
            ("array with items", "9f018202039f0405ffff"),
            ("map", "bf61610161629f0203ffff"),
            ("break alone", "ff"),
            ("inside an array", "819fff"),
            ("as a map value", "a1009fff"),
            ("as a map key", "a15fff00"),
        ],
    ));
    cases
}

fn cut_or_continued() -> Vec<Case> {
    let mut cases = refusals(
        "cbor.truncated",
        "CBOR-2",
        &[
            ("nothing", ""),
            ("integer without its byte", "18"),
            ("integer of two bytes, one there", "1901"),
            ("integer of four bytes, three there", "1a010203"),
            ("integer of eight bytes, seven there", "1b01020304050607"),
            ("byte string, one byte short", "4401020f"),
            ("byte string, nothing there", "41"),
            ("text, one byte short", "6261"),
            ("array, one item short", "8301"),
            ("array, no item", "81"),
            ("array, last item cut", "8218"),
            ("map, no pair", "a1"),
            ("map, value missing", "a100"),
            ("map, second pair missing", "a20000"),
            ("nested array cut", "818181"),
        ],
    );
    let bombs = [
        ("byte string of 2^64 - 1 bytes", "5bffffffffffffffff"),
        ("byte string of 2^31 bytes", "5a80000000"),
        ("text of 2^64 - 1 bytes", "7bffffffffffffffff"),
        ("array of 2^64 - 1 items", "9bffffffffffffffff"),
        ("array of 2^32 - 1 items, three there", "9affffffff000000"),
        ("map of 2^63 pairs", "bb8000000000000000"),
        ("map of 2^64 - 1 pairs", "bbffffffffffffffff"),
    ];
    cases.extend(bombs.iter().map(|(name, digits)| {
        Case::invalid(*name, "cbor.truncated", "CBOR-2").flag("Bomb").hex("bytes", hex(digits))
    }));
    cases.extend(refusals(
        "cbor.trailing",
        "CBOR-2",
        &[
            ("two integers", "0000"),
            ("byte after an empty array", "8000"),
            ("byte after a string", "4101ff"),
            ("byte after nested arrays", "818000"),
            ("break after an array", "80ff"),
            ("item after a map", "a0a0"),
        ],
    ));
    cases
}

fn maps() -> Vec<Case> {
    refusals(
        "cbor.map_keys",
        "CBOR-6",
        &[
            ("keys descending", "a201000000"),
            ("key twice", "a201000100"),
            ("key twice, later", "a3010002000200"),
            ("keys in the order of their length, not of their value", "a3010018180002f6"),
            ("text key", "a1616100"),
            ("byte string key", "a1410000"),
            ("array key", "a18000"),
            ("map key", "a1a000"),
            ("boolean key", "a1f400"),
            ("null key", "a1f600"),
            ("text key after an integer", "a20000616100"),
            ("in a nested map", "81a1f600"),
            ("keys of two maps are apart; the outer descend", "a201a2000001000000"),
        ],
    )
}

fn text() -> Vec<Case> {
    refusals(
        "cbor.utf8",
        "CBOR-7",
        &[
            ("lone continuation byte", "6180"),
            ("sequence cut short", "61c3"),
            ("overlong slash", "62c0af"),
            ("overlong null", "62c080"),
            ("surrogate", "63eda080"),
            ("beyond the highest code point", "64f4908080"),
            ("byte that never occurs", "61ff"),
            ("good text, then a bad byte", "6361ff62"),
            ("split character: the second half is in the next item", "8261c361bc"),
        ],
    )
}

fn depth() -> Vec<Case> {
    let nested = |levels: usize, head: &str| [hex(head).repeat(levels), hex("80")].concat();
    let case = |comment, bytes: Vec<u8>| {
        Case::invalid(comment, "cbor.depth", "CBOR-8").hex("bytes", bytes)
    };
    vec![
        case("nine levels of arrays", nested(8, "81")),
        case("nine levels, the last an empty map", [hex("81").repeat(8), hex("a0")].concat()),
        case("nine levels of maps", nested(8, "a100")),
        case("maps and arrays in turn", nested(4, "81a100")),
        case("nine levels after a shallow item", [hex("8200"), nested(7, "81")].concat()),
        case("1,000 levels", nested(999, "81")).flag("Bomb"),
        case(
            "a ninth level that announces 2^32 - 1 items",
            [hex("81").repeat(8), hex("9affffffff")].concat(),
        )
        .flag("Bomb")
        .flag("Order"),
    ]
}

fn order() -> Vec<Case> {
    let case = |comment, code, clause, digits| {
        Case::invalid(comment, code, clause).flag("Order").hex("bytes", hex(digits))
    };
    vec![
        case(
            "the first item at fault is named: a type, then a trailing byte",
            "cbor.type",
            "CBOR-5",
            "2000",
        ),
        case("not shortest, then cut", "cbor.not_shortest", "CBOR-3", "821800"),
        case("not shortest and longer than the input", "cbor.not_shortest", "CBOR-3", "580a00"),
        case("argument cut before it can be compared", "cbor.truncated", "CBOR-2", "1900"),
        case("simple value cut: its type decides", "cbor.type", "CBOR-5", "f8"),
        case("float cut: its type decides", "cbor.type", "CBOR-5", "fb00"),
        case("tag cut: its type decides", "cbor.type", "CBOR-5", "d9"),
        case(
            "map key not shortest and not ascending",
            "cbor.not_shortest",
            "CBOR-3",
            "a20500180000",
        ),
        case("map key of another type, cut inside", "cbor.map_keys", "CBOR-6", "a14201"),
        case("map key of another type, its head cut", "cbor.truncated", "CBOR-2", "a15901"),
        case("map key descending, its value cut", "cbor.map_keys", "CBOR-6", "a201000018"),
        case(
            "map longer than the input, with a bad first key",
            "cbor.truncated",
            "CBOR-2",
            "a24000",
        ),
        case(
            "array longer than the input, with a bad first item",
            "cbor.truncated",
            "CBOR-2",
            "8220",
        ),
        case("text cut and not UTF-8", "cbor.truncated", "CBOR-2", "62ff"),
        case("bad item before trailing bytes", "cbor.utf8", "CBOR-7", "61ff00"),
    ]
}

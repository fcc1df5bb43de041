//! `file-record.json`: the plaintext of file entries (MAN-8 to MAN-10).

use bulla_core::EntryId;
use bulla_core::cbor::Writer;
use bulla_crypto::manifest::{FileRecord, FileType};

use super::super::{
    Case, Field, File, Format, Group, Inputs, Mismatch, Outcome, Random, Shape, Verdict,
};

/// File records.
pub(in super::super) struct FileRecords;

impl Format for FileRecords {
    fn name(&self) -> &'static str {
        "file-record"
    }

    fn case_fields(&self) -> Vec<Field> {
        vec![
            Field::required("plaintext", Shape::Hex, "the plaintext of the file entry"),
            Field::optional("path", Shape::list(Shape::Text), "the components of the path"),
            Field::optional(
                "type",
                Shape::OneOf(&["file", "directory"]),
                "what the name stands for",
            ),
            Field::optional(
                "manifest",
                Shape::nullable(Shape::HexOf(32)),
                "the root manifest of the content",
            ),
            Field::optional("size", Shape::Uint64, "bytes of content"),
            Field::optional("executable", Shape::Bool, "whether the owner may execute it"),
            Field::optional(
                "modifiedMs",
                Shape::nullable(Shape::Uint64),
                "when it was last changed",
            ),
        ]
    }

    fn generate(&self) -> File {
        File::new()
            .note("Read `plaintext` as a file record, compare, encode it again and compare the bytes.")
            .flag("Escape", "a path that leads out of the folder it is restored in, on some system")
            .flag("Order", "breaks two rules; MAN-8 says which is named")
            .group(Group::new().cases(valid()))
            .group(Group::new().cases(form_refusals()))
            .group(Group::new().cases(path_refusals()))
            .group(Group::new().cases(type_refusals()))
    }

    fn run(&self, inputs: &Inputs<'_>) -> Outcome {
        let plaintext = inputs.hex("plaintext")?;
        let record = match FileRecord::decode(&plaintext) {
            Ok(record) => record,
            Err(error) => return Ok(Verdict::refused(&error.code(), error.clause())),
        };
        Mismatch::unless_equal("path", inputs.value("path")?, &record.path().into())?;
        let (name, manifest, size, executable) = match record.file_type() {
            FileType::File { manifest, size, is_executable } => {
                ("file", Some(manifest.to_string()), size, is_executable)
            }
            FileType::Directory => ("directory", None, 0, false),
        };
        Mismatch::unless_equal("type", &inputs.text("type")?, &name)?;
        Mismatch::unless_equal("manifest", inputs.value("manifest")?, &manifest.into())?;
        Mismatch::unless_equal("size", &inputs.uint64("size")?, &size)?;
        Mismatch::unless_equal("executable", &inputs.bool("executable")?, &executable)?;
        let modified = record.modified_ms().map(|ms| ms.to_string());
        Mismatch::unless_equal("modifiedMs", inputs.value("modifiedMs")?, &modified.into())?;
        Mismatch::unless_equal("plaintext", &plaintext, &record.encode())?;
        Ok(Verdict::Valid)
    }
}

/// A record in parts.
#[derive(Clone)]
struct Parts {
    version: u64,
    path: Vec<String>,
    file_type: u64,
    manifest: Option<Vec<u8>>,
    size: u64,
    executable: bool,
    modified: Option<u64>,
}

impl Parts {
    fn file() -> Self {
        Self {
            version: 1,
            path: vec!["excavation".to_owned(), "tablet.txt".to_owned()],
            file_type: 0,
            manifest: Some(Random::new("file-record manifest").bytes(32)),
            size: 1_234,
            executable: false,
            modified: Some(1_790_000_000_000),
        }
    }

    fn directory() -> Self {
        Self { file_type: 1, manifest: None, size: 0, ..Self::file() }
    }

    fn at(path: &[&str]) -> Self {
        Self { path: path.iter().map(ToString::to_string).collect(), ..Self::file() }
    }

    fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.array(7).uint(self.version).array(self.path.len());
        for component in &self.path {
            writer.text(component);
        }
        writer.uint(self.file_type);
        match &self.manifest {
            Some(manifest) => writer.bytes(manifest),
            None => writer.null(),
        };
        writer.uint(self.size).bool(self.executable);
        match self.modified {
            Some(ms) => writer.uint(ms),
            None => writer.null(),
        };
        writer.into_bytes()
    }
}

fn valid() -> Vec<Case> {
    let deep: Vec<&str> = vec!["d"; 64];
    let long = "x".repeat(255);
    let records = [
        ("a file", Parts::file()),
        ("a directory", Parts::directory()),
        ("an empty file", Parts { size: 0, ..Parts::file() }),
        ("an executable file", Parts { executable: true, ..Parts::file() }),
        ("time unknown", Parts { modified: None, ..Parts::file() }),
        ("time 0", Parts { modified: Some(0), ..Parts::file() }),
        (
            "the highest size and time",
            Parts { size: (1 << 63) - 1, modified: Some((1 << 63) - 1), ..Parts::file() },
        ),
        ("one component", Parts::at(&["a"])),
        ("64 components", Parts::at(&deep)),
        ("a component of 255 bytes", Parts::at(&[&long])),
        ("names beyond ASCII", Parts::at(&["Keilschrift", "楔形文字", "Büro 🏺"])),
        ("names that only look like steps", Parts::at(&["...", ". ", "..a", "~"])),
        ("names that other systems read otherwise", Parts::at(&["a\\b", "C:", "con", "trailing."])),
        ("a line feed in a name", Parts::at(&["a\nb"])),
        ("the id of zeros as a manifest", Parts { manifest: Some(vec![0; 32]), ..Parts::file() }),
    ];
    records
        .iter()
        .map(|(comment, parts)| {
            let manifest = parts.manifest.as_ref().map(|id| data_encoding::HEXLOWER.encode(id));
            Case::valid(*comment)
                .hex("plaintext", parts.encode())
                .value("path", parts.path.clone())
                .value("type", if parts.file_type == 0 { "file" } else { "directory" })
                .value("manifest", manifest)
                .uint64("size", parts.size)
                .value("executable", parts.executable)
                .value("modifiedMs", parts.modified.map(|ms| ms.to_string()))
        })
        .collect()
}

fn invalid(comment: &str, code: &str, clause: &str, plaintext: Vec<u8>) -> Case {
    Case::invalid(comment, code, clause).hex("plaintext", plaintext)
}

fn form_refusals() -> Vec<Case> {
    let good = Parts::file().encode();
    let array = |count: usize, write: &dyn Fn(&mut Writer)| {
        let mut writer = Writer::new();
        writer.array(count);
        write(&mut writer);
        writer.into_bytes()
    };
    let id = EntryId([1; 32]);
    vec![
        invalid("no bytes", "cbor.truncated", "CBOR-2", Vec::new()),
        invalid("a byte after it", "cbor.trailing", "CBOR-2", [good.as_slice(), &[0]].concat()),
        invalid(
            "a byte short",
            "cbor.truncated",
            "CBOR-2",
            good.get(..good.len() - 1).unwrap_or_default().to_vec(),
        ),
        invalid("no elements", "cbor.count", "CBOR-9", vec![0x80]),
        invalid("version 2 and nothing else", "file.version", "MAN-8", vec![0x81, 2]).flag("Order"),
        invalid(
            "version 0",
            "file.version",
            "MAN-8",
            Parts { version: 0, ..Parts::file() }.encode(),
        ),
        invalid(
            "six elements",
            "cbor.count",
            "CBOR-9",
            array(6, &|w| {
                w.uint(1).array(1).text("a").uint(0).bytes(id).uint(0).bool(false);
            }),
        ),
        invalid(
            "eight elements",
            "cbor.count",
            "CBOR-9",
            array(8, &|w| {
                w.uint(1).array(1).text("a").uint(0).bytes(id).uint(0).bool(false).null().null();
            }),
        ),
        invalid(
            "path as one text",
            "cbor.unexpected",
            "CBOR-9",
            array(7, &|w| {
                w.uint(1).text("a/b").uint(0).bytes(id).uint(0).bool(false).null();
            }),
        ),
        invalid(
            "a component as bytes",
            "cbor.unexpected",
            "CBOR-9",
            array(7, &|w| {
                w.uint(1).array(1).bytes(b"a").uint(0).bytes(id).uint(0).bool(false).null();
            }),
        ),
        invalid("a component that is not UTF-8", "cbor.utf8", "CBOR-7", {
            let mut bytes = Parts::at(&["ab"]).encode();
            bytes.splice(4..6, [0xc0, 0xaf]);
            bytes
        }),
        invalid("65 components", "cbor.bounds", "CBOR-10", Parts::at(&vec!["d"; 65]).encode()),
        invalid(
            "a component of 256 bytes",
            "cbor.bounds",
            "CBOR-10",
            Parts::at(&[&"x".repeat(256)]).encode(),
        ),
        invalid(
            "manifest of 31 bytes",
            "cbor.bounds",
            "CBOR-10",
            Parts { manifest: Some(vec![1; 31]), ..Parts::file() }.encode(),
        ),
        invalid(
            "size 2^63",
            "cbor.bounds",
            "CBOR-10",
            Parts { size: 1 << 63, ..Parts::file() }.encode(),
        ),
        invalid(
            "time 2^63",
            "cbor.bounds",
            "CBOR-10",
            Parts { modified: Some(1 << 63), ..Parts::file() }.encode(),
        ),
        invalid(
            "executable is 1",
            "cbor.unexpected",
            "CBOR-9",
            array(7, &|w| {
                w.uint(1).array(1).text("a").uint(0).bytes(id).uint(0).uint(1).null();
            }),
        ),
        invalid(
            "executable is null",
            "cbor.unexpected",
            "CBOR-9",
            array(7, &|w| {
                w.uint(1).array(1).text("a").uint(0).bytes(id).uint(0).null().null();
            }),
        ),
        invalid(
            "size is null",
            "cbor.unexpected",
            "CBOR-9",
            array(7, &|w| {
                w.uint(1).array(1).text("a").uint(0).bytes(id).null().bool(false).null();
            }),
        ),
    ]
}

fn path_refusals() -> Vec<Case> {
    let case = |comment: &str, path: &[&str]| {
        invalid(comment, "file.path", "MAN-9", Parts::at(path).encode()).flag("Escape")
    };
    vec![
        case("no component", &[]),
        case("an empty component", &[""]),
        case("an empty component in the middle", &["a", "", "b"]),
        case("the folder itself", &["."]),
        case("one up", &[".."]),
        case("up and down", &["a", "..", "b"]),
        case("up at the end", &["a", ".."]),
        case("here in the middle", &["a", ".", "b"]),
        case("a slash", &["a/b"]),
        case("a slash and up", &["a/../../b"]),
        case("the root of the system", &["/etc"]),
        case("a slash alone", &["/"]),
        case("a slash at the end", &["a/"]),
        case("NUL", &["a\0b"]),
        case("NUL alone", &["\0"]),
        invalid(
            "path and type",
            "file.path",
            "MAN-9",
            Parts { file_type: 2, ..Parts::at(&[".."]) }.encode(),
        )
        .flag("Order"),
    ]
}

fn type_refusals() -> Vec<Case> {
    let case =
        |comment: &str, parts: &Parts| invalid(comment, "file.type", "MAN-10", parts.encode());
    vec![
        case("an unknown type", &Parts { file_type: 2, ..Parts::file() }),
        case("the highest type", &Parts { file_type: u64::MAX, ..Parts::file() }),
        case("a file without a manifest", &Parts { manifest: None, ..Parts::file() }),
        case(
            "an empty file without a manifest",
            &Parts { manifest: None, size: 0, ..Parts::file() },
        ),
        case("a directory with a manifest", &Parts { file_type: 1, size: 0, ..Parts::file() }),
        case("a directory with a size", &Parts { size: 1, ..Parts::directory() }),
        case("an executable directory", &Parts { executable: true, ..Parts::directory() }),
    ]
}

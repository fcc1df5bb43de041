//! Reads the inputs of a case, for the implementation under test.

use bulla_core::Code;
use data_encoding::HEXLOWER;
use serde_json::{Map, Value};

/// What an implementation says of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Accepted, and every value computed equals the one the case gives.
    Valid,
    /// Refused.
    Invalid {
        /// The stable code.
        code: String,
        /// The clause that refuses it.
        clause: String,
    },
}

impl Verdict {
    /// A refusal.
    #[must_use]
    pub fn refused(code: &Code, clause: &str) -> Self {
        Self::Invalid { code: code.to_string(), clause: clause.to_owned() }
    }
}

/// The verdict, or why there is none.
pub type Outcome = Result<Verdict, Mismatch>;

/// The case cannot be judged: an input is unreadable, or a computed value is not the one given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch(pub String);

impl Mismatch {
    /// Compares a computed value with the one the case gives.
    ///
    /// # Errors
    ///
    /// [`Mismatch`] when they differ.
    pub fn unless_equal<T: PartialEq + std::fmt::Debug>(
        what: &str,
        given: &T,
        computed: &T,
    ) -> Result<(), Self> {
        if given == computed {
            Ok(())
        } else {
            Err(Self(format!("{what}: given {given:?}, computed {computed:?}")))
        }
    }
}

impl std::fmt::Display for Mismatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// The fields of a case, and of its group where the case has none of that name.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    group: &'a Map<String, Value>,
    case: &'a Map<String, Value>,
}

impl<'a> Inputs<'a> {
    /// The inputs of `case` in `group`.
    #[must_use]
    pub const fn new(group: &'a Map<String, Value>, case: &'a Map<String, Value>) -> Self {
        Self { group, case }
    }

    /// A field, if there is one of that name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&'a Value> {
        self.case.get(name).or_else(|| self.group.get(name))
    }

    /// A field that must be there.
    ///
    /// # Errors
    ///
    /// [`Mismatch`] when it is absent or of another type, as for every method here.
    pub fn value(&self, name: &str) -> Result<&'a Value, Mismatch> {
        self.find(name).ok_or_else(|| Mismatch(format!("no field {name}")))
    }

    /// Text.
    ///
    /// # Errors
    ///
    /// See [`value`](Self::value).
    pub fn text(&self, name: &str) -> Result<&'a str, Mismatch> {
        self.value(name)?.as_str().ok_or_else(|| Mismatch(format!("{name} is not a string")))
    }

    /// Bytes written as hexadecimal digits.
    ///
    /// # Errors
    ///
    /// See [`value`](Self::value).
    pub fn hex(&self, name: &str) -> Result<Vec<u8>, Mismatch> {
        decode_hex(name, self.text(name)?)
    }

    /// Bytes written as hexadecimal digits, if the field is there.
    ///
    /// # Errors
    ///
    /// See [`value`](Self::value).
    pub fn find_hex(&self, name: &str) -> Result<Option<Vec<u8>>, Mismatch> {
        self.find(name).map(|_| self.hex(name)).transpose()
    }

    /// Exactly `N` bytes written as hexadecimal digits.
    ///
    /// # Errors
    ///
    /// See [`value`](Self::value).
    pub fn array<const N: usize>(&self, name: &str) -> Result<[u8; N], Mismatch> {
        let bytes = self.hex(name)?;
        bytes.try_into().map_err(|_| Mismatch(format!("{name} is not {N} bytes long")))
    }

    /// A list of byte strings of exactly `N` bytes.
    ///
    /// # Errors
    ///
    /// See [`value`](Self::value).
    pub fn arrays<const N: usize>(&self, name: &str) -> Result<Vec<[u8; N]>, Mismatch> {
        let fail = || Mismatch(format!("{name} is not a list of {N} bytes each"));
        let list = self.value(name)?.as_array().ok_or_else(fail)?;
        list.iter()
            .map(|item| {
                let bytes = decode_hex(name, item.as_str().ok_or_else(fail)?)?;
                bytes.try_into().map_err(|_| fail())
            })
            .collect()
    }

    /// An integer written as decimal digits in a string, or as a JSON number.
    ///
    /// # Errors
    ///
    /// See [`value`](Self::value).
    pub fn uint64(&self, name: &str) -> Result<u64, Mismatch> {
        let value = self.value(name)?;
        let number =
            value.as_u64().or_else(|| value.as_str().and_then(|digits| digits.parse().ok()));
        number.ok_or_else(|| Mismatch(format!("{name} is not an unsigned integer")))
    }

    /// A boolean.
    ///
    /// # Errors
    ///
    /// See [`value`](Self::value).
    pub fn bool(&self, name: &str) -> Result<bool, Mismatch> {
        self.value(name)?.as_bool().ok_or_else(|| Mismatch(format!("{name} is not a boolean")))
    }

    /// The fields of an object.
    ///
    /// # Errors
    ///
    /// See [`value`](Self::value).
    pub fn object(&self, name: &str) -> Result<Self, Mismatch> {
        let object = self.value(name)?.as_object();
        object
            .map(|case| Self { group: case, case })
            .ok_or_else(|| Mismatch(format!("{name} is not an object")))
    }
}

fn decode_hex(name: &str, digits: &str) -> Result<Vec<u8>, Mismatch> {
    HEXLOWER
        .decode(digits.as_bytes())
        .map_err(|error| Mismatch(format!("{name} is not hexadecimal: {error}")))
}

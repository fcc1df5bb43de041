//! Items written element by element, apart from the code under test, so that any of them can be wrong.

use bulla_core::cbor::{Encode, Writer};

/// One element, of any type.
#[derive(Debug, Clone)]
pub(in crate::vectors) enum Element {
    /// An integer.
    Number(u64),
    /// A byte string.
    Bytes(Vec<u8>),
    /// A text string.
    Text(&'static str),
    /// `true` or `false`.
    Bool(bool),
    /// `null`.
    Null,
    /// An array.
    Array(Vec<Self>),
    /// A map.
    Map(Vec<(u64, Self)>),
    /// Any bytes in the place of an item.
    Raw(Vec<u8>),
}

impl Element {
    pub(in crate::vectors) fn of(bytes: impl AsRef<[u8]>) -> Self {
        Self::Bytes(bytes.as_ref().to_vec())
    }

    /// An item that another encoder wrote.
    pub(in crate::vectors) fn item(item: &impl Encode) -> Self {
        Self::Raw(item.to_cbor())
    }

    /// Text made for the case.
    pub(in crate::vectors) fn text(text: &str) -> Self {
        let mut writer = Writer::new();
        writer.text(text);
        Self::Raw(writer.into_bytes())
    }

    pub(in crate::vectors) fn to_bytes(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        self.write(&mut writer);
        writer.into_bytes()
    }

    fn write(&self, writer: &mut Writer) {
        match self {
            Self::Number(number) => _ = writer.uint(*number),
            Self::Bytes(bytes) => _ = writer.bytes(bytes),
            Self::Text(text) => _ = writer.text(text),
            Self::Bool(value) => _ = writer.bool(*value),
            Self::Null => _ = writer.null(),
            Self::Array(elements) => {
                writer.array(elements.len());
                elements.iter().for_each(|element| element.write(writer));
            }
            Self::Map(pairs) => {
                writer.map(pairs.len());
                for (key, value) in pairs {
                    writer.uint(*key);
                    value.write(writer);
                }
            }
            Self::Raw(bytes) => _ = writer.raw(bytes),
        }
    }

    /// An array with one element replaced; elements may be named that are nested: `[4, 1]` is the second of the fifth.
    pub(in crate::vectors) fn with(mut self, path: &[usize], value: Self) -> Self {
        *self.place(path) = value;
        self
    }

    /// An array without its element in this place.
    pub(in crate::vectors) fn without(mut self, index: usize) -> Self {
        if let Self::Array(elements) = &mut self {
            elements.remove(index);
        }
        self
    }

    /// An array with one more element at its end.
    pub(in crate::vectors) fn and(mut self, value: Self) -> Self {
        if let Self::Array(elements) = &mut self {
            elements.push(value);
        }
        self
    }

    fn place(&mut self, path: &[usize]) -> &mut Self {
        match (path, self) {
            ([], element) => element,
            ([first, rest @ ..], Self::Array(elements)) => {
                elements.get_mut(*first).expect("the element is there").place(rest)
            }
            (_, element) => panic!("{element:?} is no array"),
        }
    }
}

//! Numbered rows: what every part of the directory keeps per entry or per device.

use std::marker::PhantomData;
use std::ops::{Index, IndexMut};

/// The number of an entry in the graph, in the order of arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct EntryNo(u32);

/// The number of a device in the graph, in the order in which it was first named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct DeviceNo(u32);

/// A number that names a row.
pub(crate) trait Number: Copy {
    fn from_row(row: usize) -> Self;
    fn row(self) -> usize;
}

macro_rules! number {
    ($name:ident) => {
        impl Number for $name {
            /// # Panics
            ///
            /// With 2^32 rows, which is more than a hundred times what fits the memory of a node.
            fn from_row(row: usize) -> Self {
                Self(u32::try_from(row).expect("fewer than 2^32 rows"))
            }

            fn row(self) -> usize {
                self.0 as usize
            }
        }
    };
}

number!(EntryNo);
number!(DeviceNo);

/// Rows of `T`, each named by the number it got when it was pushed.
#[derive(Debug, Clone)]
pub(crate) struct Table<N, T> {
    rows: Vec<T>,
    number: PhantomData<N>,
}

impl<N: Number, T> Table<N, T> {
    pub(crate) const fn new() -> Self {
        Self { rows: Vec::new(), number: PhantomData }
    }

    pub(crate) fn filled(value: T, rows: usize) -> Self
    where
        T: Clone,
    {
        Self { rows: vec![value; rows], number: PhantomData }
    }

    pub(crate) fn push(&mut self, row: T) -> N {
        self.rows.push(row);
        N::from_row(self.rows.len() - 1)
    }

    /// Adds rows until there are `rows`.
    pub(crate) fn grow(&mut self, rows: usize, value: T)
    where
        T: Clone,
    {
        if self.rows.len() < rows {
            self.rows.resize(rows, value);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(crate) fn numbers(&self) -> impl Iterator<Item = N> + use<N, T> {
        (0..self.rows.len()).map(N::from_row)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (N, &T)> {
        self.rows.iter().enumerate().map(|(row, value)| (N::from_row(row), value))
    }
}

impl<N: Number, T> Index<N> for Table<N, T> {
    type Output = T;

    #[expect(clippy::indexing_slicing, reason = "a number was given out when its row was pushed")]
    fn index(&self, number: N) -> &T {
        &self.rows[number.row()]
    }
}

impl<N: Number, T> IndexMut<N> for Table<N, T> {
    #[expect(clippy::indexing_slicing, reason = "a number was given out when its row was pushed")]
    fn index_mut(&mut self, number: N) -> &mut T {
        &mut self.rows[number.row()]
    }
}

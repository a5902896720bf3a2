//! The fields of an event, by name: what JSON output, `--where` and the tests walk over.
//!
//! An event's struct is declared with [`event_struct!`], which derives [`Fields`] from the field
//! list, so that no event can have a field that is not also written out. There is no trait object
//! per field and no map: a [`Visitor`] is called once per field that is present.

use core::fmt;

/// Receives the fields of an event, in the order of the log line.
pub trait Visitor {
    /// Receives a text field, as logged (not always UTF-8).
    fn text(&mut self, name: &'static str, value: &[u8]);
    /// Receives a whole number.
    fn number(&mut self, name: &'static str, value: u64);
    /// Receives a signed decimal, exactly as logged (scores such as `-1.9`).
    fn decimal(&mut self, name: &'static str, value: &[u8]);
    /// Receives a duration in seconds.
    fn seconds(&mut self, name: &'static str, value: Seconds);
    /// Receives several durations in seconds (`delays=a/b/c/d`).
    fn seconds_list(&mut self, name: &'static str, values: &[Seconds]);
    /// Receives a yes or no.
    fn flag(&mut self, name: &'static str, value: bool);
}

/// Something whose named fields can be visited.
pub trait Fields {
    /// Calls the visitor once for each field that is present, in a fixed order.
    fn visit(&self, visitor: &mut dyn Visitor);
}

/// A type that can stand in an event's field list.
pub trait Field {
    /// Visits the value under this name; a group of fields (a client) brings names of its own.
    fn visit_as(&self, name: &'static str, visitor: &mut dyn Visitor);
}

impl Field for &[u8] {
    fn visit_as(&self, name: &'static str, visitor: &mut dyn Visitor) {
        visitor.text(name, self);
    }
}

impl Field for &'static str {
    fn visit_as(&self, name: &'static str, visitor: &mut dyn Visitor) {
        visitor.text(name, self.as_bytes());
    }
}

impl Field for u64 {
    fn visit_as(&self, name: &'static str, visitor: &mut dyn Visitor) {
        visitor.number(name, *self);
    }
}

impl Field for u32 {
    fn visit_as(&self, name: &'static str, visitor: &mut dyn Visitor) {
        visitor.number(name, u64::from(*self));
    }
}

impl Field for bool {
    fn visit_as(&self, name: &'static str, visitor: &mut dyn Visitor) {
        visitor.flag(name, *self);
    }
}

impl<F: Field> Field for Option<F> {
    fn visit_as(&self, name: &'static str, visitor: &mut dyn Visitor) {
        if let Some(value) = self {
            value.visit_as(name, visitor);
        }
    }
}

/// A duration as Postfix and Dovecot log it: decimal seconds, kept in whole microseconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Debug)]
pub struct Seconds {
    /// The duration in microseconds.
    pub micros: u64,
}

impl fmt::Display for Seconds {
    /// Prints seconds without trailing zeros, as Postfix does: `0.04`, `12`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, fraction) = (self.micros / 1_000_000, self.micros % 1_000_000);
        if fraction == 0 {
            return write!(f, "{whole}");
        }
        let mut digits = fraction;
        let mut width = 6usize;
        while digits % 10 == 0 {
            digits /= 10;
            width -= 1;
        }
        write!(f, "{whole}.{digits:0width$}")
    }
}

impl Field for Seconds {
    fn visit_as(&self, name: &'static str, visitor: &mut dyn Visitor) {
        visitor.seconds(name, *self);
    }
}

impl Field for [Seconds; 4] {
    fn visit_as(&self, name: &'static str, visitor: &mut dyn Visitor) {
        visitor.seconds_list(name, self);
    }
}

/// The fields of an event as text, but for durations: for tests.
#[cfg(test)]
#[derive(Default)]
pub(crate) struct Texts(pub(crate) Vec<(&'static str, String)>);

#[cfg(test)]
impl Visitor for Texts {
    fn text(&mut self, name: &'static str, value: &[u8]) {
        self.0
            .push((name, String::from_utf8_lossy(value).into_owned()));
    }
    fn number(&mut self, name: &'static str, value: u64) {
        self.0.push((name, value.to_string()));
    }
    fn decimal(&mut self, name: &'static str, value: &[u8]) {
        self.text(name, value);
    }
    fn seconds(&mut self, _name: &'static str, _value: Seconds) {}
    fn seconds_list(&mut self, _name: &'static str, _values: &[Seconds]) {}
    fn flag(&mut self, name: &'static str, value: bool) {
        self.0.push((name, value.to_string()));
    }
}

/// Takes the `r#` off a field name that is also a Rust keyword (`where`, `type`).
pub(crate) const fn plain(name: &'static str) -> &'static str {
    match name.as_bytes() {
        [b'r', b'#', ..] => name.split_at(2).1,
        _ => name,
    }
}

/// Declares an event's struct and derives [`Fields`] from its field list.
///
/// A field is visited under its own name; groups such as `Client` bring names of their own. The
/// struct's doc comment states shape, source, units and version range.
macro_rules! event_struct {
    (
        $(#[doc = $about:literal])*
        pub struct $name:ident $(<$life:lifetime>)? {
            $($(#[doc = $field_about:literal])* pub $field:ident : $type:ty),* $(,)?
        }
    ) => {
        $(#[doc = $about])*
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub struct $name $(<$life>)? {
            $($(#[doc = $field_about])* pub $field: $type,)*
        }

        impl $(<$life>)? $crate::Fields for $name $(<$life>)? {
            fn visit(&self, _visitor: &mut dyn $crate::Visitor) {
                $($crate::Field::visit_as(
                    &self.$field,
                    $crate::fields::plain(stringify!($field)),
                    _visitor,
                );)*
            }
        }

        impl $(<$life>)? $crate::describe::DescribedFields for $name $(<$life>)? {
            const ABOUT: &'static str = concat!($($about, "\n"),*);

            fn describe_fields(_to: $crate::describe::Receiver<'_>) {
                $(<$type as $crate::describe::Described>::describe(
                    $crate::describe::Declared {
                        name: $crate::fields::plain(stringify!($field)),
                        about: concat!($($field_about, "\n"),*),
                        is_optional: false,
                    },
                    _to,
                );)*
            }
        }
    };
}
pub(crate) use event_struct;

/// Declares a room's `Event` enum from `Variant(Type) = "kind_name"` rows.
///
/// Removes the repetition of the kind's name and index, and of the walk over the fields, for each
/// of some three hundred kinds.
macro_rules! events {
    (
        $(#[$meta:meta])*
        pub enum Event<'a> {
            $($variant:ident($type:ty) = $kind:literal,)*
        }
    ) => {
        $(#[$meta])*
        #[non_exhaustive]
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum Event<'a> {
            $(#[doc = concat!("Kind `", $kind, "`; its struct has the details.")] $variant($type),)*
        }

        impl Event<'_> {
            /// The names of this room's kinds, in the order of the variants.
            pub const KINDS: &'static [&'static str] = &[$($kind),*];

            /// Returns the position of the kind's name in [`Self::KINDS`].
            pub fn index(&self) -> usize {
                #[derive(Clone, Copy)]
                enum Index { $($variant),* }
                let index = match self {
                    $(Event::$variant(_) => Index::$variant,)*
                };
                index as usize
            }
        }

        impl<'a> Event<'a> {
            /// What is known of this room's kinds without a line, in the order of the variants.
            pub(crate) const DESCRIPTIONS: &'static [$crate::describe::Description] =
                &[$($crate::describe::Description::of::<$type>()),*];
        }

        impl $crate::Fields for Event<'_> {
            fn visit(&self, visitor: &mut dyn $crate::Visitor) {
                match self {
                    $(Event::$variant(event) => event.visit(visitor),)*
                }
            }
        }
    };
}
pub(crate) use events;

//! Between the properties of an element and the fields of its settings.

use std::path::PathBuf;

use glib::Value;
use glib::prelude::*;

/// The content of a property's value, whose type GObject has checked.
pub(crate) fn content<'v, T: glib::value::FromValue<'v>>(value: &'v Value) -> T {
    value.get().unwrap_or_else(|_| unreachable!("GObject checks the type of property values"))
}

/// What a field of settings must be able to do to be the value of a property.
pub(crate) trait Field {
    fn from_value(value: &Value) -> Self;

    fn as_value(&self) -> Value;
}

/// Fields whose values are those of their properties as they are.
macro_rules! plain {
    ($($kind:ty),+ $(,)?) => {$(
        impl $crate::properties::Field for $kind {
            fn from_value(value: &glib::Value) -> Self {
                $crate::properties::content(value)
            }

            fn as_value(&self) -> glib::Value {
                glib::prelude::ToValue::to_value(self)
            }
        }
    )+};
}

plain!(bool, u32, u64, f32, f64, Option<gst::Structure>);

/// A string that was set to NULL is empty.
impl Field for String {
    fn from_value(value: &Value) -> Self {
        content::<Option<Self>>(value).unwrap_or_default()
    }

    fn as_value(&self) -> Value {
        self.to_value()
    }
}

/// A string, of which an empty one is none.
impl Field for Option<PathBuf> {
    fn from_value(value: &Value) -> Self {
        content::<Option<String>>(value).filter(|text| !text.is_empty()).map(PathBuf::from)
    }

    fn as_value(&self) -> Value {
        self.as_ref().map(|path| path.to_string_lossy().into_owned()).to_value()
    }
}

/// Gives settings a `set` and a `get` by the names of their properties, each of which stands here once, beside its field. What is
/// behind `or` is a field with settings of its own, which are asked for all other names.
macro_rules! fields {
    ($settings:ty { $($name:pat => $($field:ident).+),+ $(,)? } $(or $other:ident)?) => {
        impl $settings {
            /// Takes the value of the property `name`; `false` when it is none of these.
            pub(crate) fn set(&mut self, name: &str, value: &glib::Value) -> bool {
                match name {
                    $($name => self.$($field).+ = $crate::properties::Field::from_value(value),)+
                    _ => return false $(|| self.$other.set(name, value))?,
                }
                true
            }

            /// The value of the property `name`, if it is one of these.
            pub(crate) fn get(&self, name: &str) -> Option<glib::Value> {
                match name {
                    $($name => Some($crate::properties::Field::as_value(&self.$($field).+)),)+
                    _ => None $(.or_else(|| self.$other.get(name)))?,
                }
            }
        }
    };
}

pub(crate) use {fields, plain};

//! The forms that a property can have: text, path, secret, number, duration, choice.

use crate::secret::Secret;
use crate::settings::Settings;
use glib::{ParamFlags, ParamSpec, Value, prelude::*, translate::FromGlib, translate::IntoGlib};
use std::{path::PathBuf, time::Duration};

/// A setting as a property.
pub(super) struct Property {
    pub(super) spec: ParamSpec,
    pub(super) read: Access<Value>,
    pub(super) write: Write,
}

type Access<T> = Box<dyn Fn(&mut Settings) -> T + Send + Sync>;

type Write = Box<dyn Fn(&mut Settings, &Value) + Send + Sync>;

/// Where a setting is.
pub(super) type At<T> = fn(&mut Settings) -> &mut T;

/// A property whose value has the setting's own type.
pub(super) fn plain<T>(spec: ParamSpec, at: At<T>) -> Property
where
    T: ToValue + for<'a> glib::value::FromValue<'a> + 'static,
{
    Property {
        spec,
        read: Box::new(move |s| at(s).to_value()),
        write: Box::new(move |s, value| {
            if let Ok(value) = value.get() {
                *at(s) = value;
            }
        }),
    }
}

fn flags() -> ParamFlags {
    ParamFlags::READWRITE | gst::PARAM_FLAG_MUTABLE_READY
}

/// Write-only: nothing that reads properties (a dot dump, `gst-inspect-1.0`, an application) can show it.
fn hidden() -> ParamFlags {
    ParamFlags::WRITABLE | gst::PARAM_FLAG_MUTABLE_READY
}

fn default<T: Clone>(at: At<T>) -> T {
    at(&mut Settings::default()).clone()
}

fn text_of(value: &Value) -> Option<String> {
    value.get::<Option<String>>().ok().flatten()
}

pub(super) fn text(name: &str, nick: &str, blurb: &str, at: At<String>) -> Property {
    let spec = glib::ParamSpecString::builder(name).nick(nick).blurb(blurb).flags(flags());
    Property {
        spec: spec.default_value(Some(default(at).as_str())).build(),
        read: Box::new(move |s| at(s).to_value()),
        write: Box::new(move |s, value| *at(s) = text_of(value).unwrap_or_default()),
    }
}

/// Text that may be absent; empty is absent.
pub(super) fn option(name: &str, nick: &str, blurb: &str, at: At<Option<String>>) -> Property {
    Property {
        spec: glib::ParamSpecString::builder(name).nick(nick).blurb(blurb).flags(flags()).build(),
        read: Box::new(move |s| at(s).to_value()),
        write: Box::new(move |s, value| *at(s) = text_of(value).filter(|text| !text.is_empty())),
    }
}

pub(super) fn path(name: &str, nick: &str, blurb: &str, at: At<Option<PathBuf>>) -> Property {
    Property {
        spec: glib::ParamSpecString::builder(name).nick(nick).blurb(blurb).flags(flags()).build(),
        read: Box::new(move |s| at(s).as_ref().map(|path| path.to_string_lossy().into_owned()).to_value()),
        write: Box::new(move |s, value| {
            *at(s) = text_of(value).filter(|text| !text.is_empty()).map(PathBuf::from);
        }),
    }
}

pub(super) fn secret(name: &str, nick: &str, blurb: &str, when_read: &str, at: At<Secret>) -> Property {
    let blurb = format!("{blurb} {when_read}");
    Property {
        spec: glib::ParamSpecString::builder(name).nick(nick).blurb(&blurb).flags(hidden()).build(),
        read: Box::new(|_| None::<String>.to_value()),
        write: Box::new(move |s, value| *at(s) = Secret::new(text_of(value))),
    }
}

pub(super) fn structure(name: &'static str, nick: &str, blurb: &str, at: At<Option<gst::Structure>>) -> Property {
    Property {
        spec: glib::ParamSpecBoxed::builder::<gst::Structure>(name).nick(nick).blurb(blurb).flags(flags()).build(),
        // Empty rather than none: what dumps properties does not expect a structure to be absent.
        read: Box::new(move |s| at(s).clone().unwrap_or_else(|| gst::Structure::new_empty(name)).to_value()),
        write: Box::new(move |s, value| *at(s) = value.get().ok().flatten()),
    }
}

pub(super) fn hidden_structure(name: &str, nick: &str, blurb: &str, at: At<Option<gst::Structure>>) -> Property {
    Property {
        spec: glib::ParamSpecBoxed::builder::<gst::Structure>(name).nick(nick).blurb(blurb).flags(hidden()).build(),
        read: Box::new(|_| None::<gst::Structure>.to_value()),
        write: Box::new(move |s, value| *at(s) = value.get().ok().flatten()),
    }
}

pub(super) fn flag(name: &str, nick: &str, blurb: &str, at: At<bool>) -> Property {
    let spec = glib::ParamSpecBoolean::builder(name).nick(nick).blurb(blurb).default_value(default(at));
    plain(spec.flags(flags()).build(), at)
}

pub(super) fn uint(name: &str, nick: &str, blurb: &str, (minimum, maximum): (u32, u32), at: At<u32>) -> Property {
    let spec = glib::ParamSpecUInt::builder(name).nick(nick).blurb(blurb).minimum(minimum).maximum(maximum);
    plain(spec.default_value(default(at)).flags(flags()).build(), at)
}

pub(super) fn uint64(name: &str, nick: &str, blurb: &str, (minimum, maximum): (u64, u64), at: At<u64>) -> Property {
    let spec = glib::ParamSpecUInt64::builder(name).nick(nick).blurb(blurb).minimum(minimum).maximum(maximum);
    plain(spec.default_value(default(at)).flags(flags()).build(), at)
}

/// A TCP port; 0 is none.
pub(super) fn port(name: &str, nick: &str, blurb: &str, at: At<u16>) -> Property {
    let spec = glib::ParamSpecUInt::builder(name).nick(nick).blurb(blurb).maximum(u16::MAX.into());
    Property {
        spec: spec.default_value(default(at).into()).flags(flags()).build(),
        read: Box::new(move |s| u32::from(*at(s)).to_value()),
        write: Box::new(move |s, value| *at(s) = value.get::<u32>().map_or(0, |port| port as u16)),
    }
}

/// A duration in nanoseconds, as everywhere in GStreamer.
pub(super) fn duration(name: &str, nick: &str, blurb: &str, max: Duration, at: At<Duration>) -> Property {
    let spec = glib::ParamSpecUInt64::builder(name).nick(nick).blurb(blurb).maximum(nanos(max));
    Property {
        spec: spec.default_value(nanos(default(at))).flags(flags()).build(),
        read: Box::new(move |s| nanos(*at(s)).to_value()),
        write: Box::new(move |s, value| *at(s) = Duration::from_nanos(value.get().unwrap_or_default())),
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

pub(super) fn choice<T>(name: &str, nick: &str, blurb: &str, at: At<T>) -> Property
where
    T: StaticType
        + FromGlib<i32>
        + IntoGlib<GlibType = i32>
        + ToValue
        + for<'a> glib::value::FromValue<'a>
        + Copy
        + 'static,
{
    let spec = glib::ParamSpecEnum::builder_with_default(name, default(at)).nick(nick).blurb(blurb);
    plain(spec.flags(flags()).build(), at)
}

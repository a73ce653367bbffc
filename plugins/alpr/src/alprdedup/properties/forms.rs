//! The forms that a property can have: text, switch, number, choice, set of choices.
//!
//! `changes` says in which states it may be set; what has no such argument may be set up to READY.

use glib::ParamSpec;
use glib::prelude::*;
use glib::translate::{FromGlib, IntoGlib};

const fn flags(changes: glib::ParamFlags) -> glib::ParamFlags {
    glib::ParamFlags::READWRITE.union(changes)
}

const READY: glib::ParamFlags = flags(gst::PARAM_FLAG_MUTABLE_READY);

pub(super) fn text(name: &str, nick: &str, blurb: &str, default: &str) -> ParamSpec {
    glib::ParamSpecString::builder(name).nick(nick).blurb(blurb).default_value(Some(default)).flags(READY).build()
}

pub(super) fn switch(name: &str, nick: &str, blurb: &str, default: bool) -> ParamSpec {
    glib::ParamSpecBoolean::builder(name).nick(nick).blurb(blurb).default_value(default).flags(READY).build()
}

/// A number from `least` to 1.
pub(super) fn unit(
    changes: glib::ParamFlags,
    name: &str,
    nick: &str,
    blurb: &str,
    least: f64,
    default: f64,
) -> ParamSpec {
    let spec = glib::ParamSpecDouble::builder(name).nick(nick).blurb(blurb).minimum(least).maximum(1.0);
    spec.default_value(default).flags(flags(changes)).build()
}

pub(super) fn uint(
    changes: glib::ParamFlags,
    name: &str,
    nick: &str,
    blurb: &str,
    (minimum, maximum): (u32, u32),
    default: u32,
) -> ParamSpec {
    let spec = glib::ParamSpecUInt::builder(name).nick(nick).blurb(blurb).minimum(minimum).maximum(maximum);
    spec.default_value(default).flags(flags(changes)).build()
}

pub(super) fn uint64(
    changes: glib::ParamFlags,
    name: &str,
    nick: &str,
    blurb: &str,
    (minimum, maximum): (u64, u64),
    default: u64,
) -> ParamSpec {
    let spec = glib::ParamSpecUInt64::builder(name).nick(nick).blurb(blurb).minimum(minimum).maximum(maximum);
    spec.default_value(default).flags(flags(changes)).build()
}

pub(super) fn choice<T>(changes: glib::ParamFlags, name: &str, nick: &str, blurb: &str, default: T) -> ParamSpec
where
    T: StaticType + FromGlib<i32> + IntoGlib<GlibType = i32>,
{
    let spec = glib::ParamSpecEnum::builder_with_default(name, default).nick(nick).blurb(blurb);
    spec.flags(flags(changes)).build()
}

/// Any of several choices.
pub(super) fn choices<T>(name: &str, nick: &str, blurb: &str, default: T) -> ParamSpec
where
    T: StaticType + FromGlib<u32> + IntoGlib<GlibType = u32>,
{
    glib::ParamSpecFlags::builder(name).nick(nick).blurb(blurb).default_value(default).flags(READY).build()
}

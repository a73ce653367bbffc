//! `docs/elements.md`, written from what the registry says of our elements.

use std::fmt::Write as _;

use gst::glib;
use gst::prelude::*;

/// Our elements, in pipeline order.
pub const ELEMENTS: [&str; 5] = ["alprdetect", "alprocr", "alprdedup", "alproverlay", "kafkasink"];

/// The page: a chapter an element with its pads and properties.
///
/// # Errors
///
/// Names the element that the registry does not have.
pub fn page() -> Result<String, glib::BoolError> {
    let mut out = String::from(
        "# Elements\n\nWritten by `./dev docs` from the registry; `gst-inspect-1.0 ELEMENT` shows the same.\n\
         \"Changes\" says in which states a property may be set.\n",
    );
    for name in ELEMENTS {
        let factory = gst::ElementFactory::find(name)
            .ok_or_else(|| glib::bool_error!("the registry has no {name}: is GST_PLUGIN_PATH set?"))?;
        chapter(&mut out, &factory)?;
    }
    Ok(out)
}

fn chapter(out: &mut String, factory: &gst::ElementFactory) -> Result<(), glib::BoolError> {
    let element = factory.create().build()?;
    let text = |key| factory.metadata(key).unwrap_or_default().to_owned();
    put(out, &format!("\n## {}\n\n{}.\n\n", factory.name(), text("description").trim_end_matches('.')));
    put(out, &format!("Class `{}`, rank {}.\n\n", text("klass"), rank(factory.rank())));
    put(out, "| pad | direction, presence | caps |\n| --- | --- | --- |\n");
    let templates = factory.static_pad_templates();
    let mut templates: Vec<_> = templates.iter().collect();
    templates.sort_by_key(|t| (t.direction() != gst::PadDirection::Sink, t.name_template()));
    for template in templates {
        let caps = template.caps().to_string();
        let direction = format!("{:?}, {:?}", template.direction(), template.presence()).to_lowercase();
        put(out, &format!("| `{}` | {direction} | {} |\n", template.name_template(), cell(&code(&caps))));
    }
    put(out, "\n| property | type, range | default | changes | what it does |\n| --- | --- | --- | --- | --- |\n");
    let own = element.type_();
    let mut properties: Vec<_> =
        element.list_properties().iter().filter(|p| is_ours(p.owner_type(), own)).cloned().collect();
    properties.sort_by(|a, b| a.name().cmp(b.name()));
    for property in properties {
        let (kind, default) = kind_and_default(&property);
        put(
            out,
            &format!(
                "| `{}` | {} | {} | {} | {} |\n",
                property.name(),
                cell(&kind),
                cell(&default),
                changes(&property),
                cell(property.blurb().unwrap_or_default())
            ),
        );
    }
    Ok(())
}

/// Properties of GStreamer's own base classes are documented there.
fn is_ours(owner: glib::Type, element: glib::Type) -> bool {
    owner == element || owner.name().starts_with("GstAlpr") || owner.name().starts_with("GstKafka")
}

fn put(out: &mut String, text: &str) {
    out.write_str(text).expect("a String takes any text");
}

fn code(text: &str) -> String {
    format!("`{text}`")
}

/// A table cell has no line breaks and no bars.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

fn rank(rank: gst::Rank) -> String {
    if rank == gst::Rank::NONE { "none".into() } else { i32::from(rank).to_string() }
}

fn changes(property: &glib::ParamSpec) -> &'static str {
    let flags = property.flags();
    let mutable = |bit: u32| flags.bits() & bit != 0;
    if !flags.contains(glib::ParamFlags::WRITABLE) {
        "read only"
    } else if flags.contains(glib::ParamFlags::CONSTRUCT_ONLY) {
        "at construction"
    } else if mutable(gst::PARAM_FLAG_MUTABLE_PLAYING.bits()) {
        "playing"
    } else if mutable(gst::PARAM_FLAG_MUTABLE_PAUSED.bits()) {
        "paused"
    } else {
        "ready"
    }
}

fn kind_and_default(property: &glib::ParamSpec) -> (String, String) {
    macro_rules! number {
        ($spec:ty, $name:literal) => {
            if let Some(p) = property.downcast_ref::<$spec>() {
                return (format!("{} {} – {}", $name, p.minimum(), p.maximum()), code(&p.default_value().to_string()));
            }
        };
    }
    number!(glib::ParamSpecInt, "int");
    number!(glib::ParamSpecUInt, "uint");
    number!(glib::ParamSpecInt64, "int64");
    number!(glib::ParamSpecUInt64, "uint64");
    number!(glib::ParamSpecFloat, "float");
    number!(glib::ParamSpecDouble, "double");
    if let Some(p) = property.downcast_ref::<glib::ParamSpecBoolean>() {
        return ("boolean".into(), code(&p.default_value().to_string()));
    }
    if let Some(p) = property.downcast_ref::<glib::ParamSpecEnum>() {
        let class = p.enum_class();
        let values: Vec<_> = class.values().iter().map(|v| format!("`{}` ({})", v.nick(), v.name())).collect();
        let default = class.value(p.default_value_as_i32()).map(|v| code(v.nick())).unwrap_or_default();
        return (values.join(", "), default);
    }
    if let Some(p) = property.downcast_ref::<glib::ParamSpecFlags>() {
        let class = p.flags_class();
        let values: Vec<_> = class.values().iter().map(|v| format!("`{}` ({})", v.nick(), v.name())).collect();
        let all = p.default_value_as_u32();
        // A value of several bits stands for others.
        let set = class.values().iter().filter(|v| v.value().is_power_of_two() && v.value() & all != 0);
        let default = set.map(|v| v.nick()).collect::<Vec<_>>().join("+");
        return (values.join(", "), if default.is_empty() { default } else { code(&default) });
    }
    let default = match property.default_value().get::<Option<String>>() {
        Ok(Some(text)) if !text.is_empty() => code(&text),
        _ => String::new(),
    };
    let kind = match property.value_type().name() {
        "gchararray" => "string",
        other => other,
    };
    (kind.to_owned(), default)
}

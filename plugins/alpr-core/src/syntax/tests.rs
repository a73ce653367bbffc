use super::*;

#[test]
fn the_shipped_formats_parse() {
    assert!(Templates::parse(BUILTIN).is_ok_and(|templates| templates.knows("NL")));
}

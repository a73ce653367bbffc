//! Writes `docs/elements.md` from the registry: `elements-doc FILE`.

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let file = std::env::args_os().nth(1).ok_or("usage: elements-doc FILE")?;
    gst::init()?;
    std::fs::write(&file, alpr_tests::elements_doc::page()?)
        .map_err(|e| format!("cannot write {}: {e}", file.display()))?;
    Ok(())
}

//! Models described in a line a tensor.

use alpr_core::contract::{Element, ModelInfo, TensorInfo};

/// A tensor from text such as `images f32 1,3,?,?`.
fn tensor(text: &str) -> TensorInfo {
    let mut parts = text.split_whitespace();
    let mut part = || parts.next().unwrap_or_default();
    let name = part();
    let element = match part() {
        "f32" => Element::F32,
        "f16" => Element::F16,
        "u8" => Element::U8,
        "i32" => Element::I32,
        "i64" => Element::I64,
        other => panic!("{text}: {other}"),
    };
    let shape: Vec<Option<usize>> = part().split(',').map(|d| d.parse().ok()).collect();
    TensorInfo::new(name, element, &shape)
}

/// A model of `inputs`, `outputs` and metadata `props`.
pub(crate) fn model(inputs: &[&str], outputs: &[&str], props: &[(&str, &str)]) -> ModelInfo {
    ModelInfo {
        file_name: "net.onnx".into(),
        inputs: inputs.iter().map(|t| tensor(t)).collect(),
        outputs: outputs.iter().map(|t| tensor(t)).collect(),
        metadata: props.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
        ..ModelInfo::default()
    }
}

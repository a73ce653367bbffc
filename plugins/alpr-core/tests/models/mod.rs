//! Models described in a line a tensor, and what real networks answered.

#![allow(dead_code, reason = "each test uses its part")]

use alpr_core::contract::{Element, ModelInfo, Output, OutputData, TensorInfo};
use serde_json::Value;

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

/// An output that owns its values.
pub(crate) struct Owned {
    pub(crate) name: String,
    pub(crate) shape: Vec<usize>,
    pub(crate) values: Vec<f32>,
}

impl Owned {
    pub(crate) fn new(name: &str, shape: &[usize], values: Vec<f32>) -> Self {
        Self { name: name.into(), shape: shape.to_vec(), values }
    }

    pub(crate) fn output(&self) -> Output<'_> {
        Output { name: &self.name, shape: &self.shape, data: OutputData::F32(&self.values) }
    }
}

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

pub(crate) fn numbers(value: &Value) -> Vec<f32> {
    value.as_array().into_iter().flatten().filter_map(Value::as_f64).map(|v| v as f32).collect()
}

/// The model of an entry of a file in `fixtures`.
pub(crate) fn recorded_model(entry: &Value) -> ModelInfo {
    let mut info = model(&texts(&entry["inputs"]), &texts(&entry["outputs"]), &[]);
    for (key, value) in entry["props"].as_object().into_iter().flatten() {
        info.metadata.insert(key.clone(), value.as_str().unwrap_or_default().to_owned());
    }
    info.config.plate_config = entry["yaml"].as_str().map(str::to_owned);
    info
}

/// The outputs of an entry: all values, or the rows (or, where they come second, columns) that are not zero.
pub(crate) fn recorded_run(entry: &Value) -> Vec<Owned> {
    let run = entry["run"].as_array().expect("a run");
    run.iter()
        .map(|output| {
            let shape: Vec<usize> = numbers(&output["shape"]).iter().map(|d| *d as usize).collect();
            let mut values = numbers(&output["values"]);
            if values.is_empty() {
                values = vec![0.0; shape.iter().product()];
                let count = shape[shape.len() - 1];
                let sparse = |key: &str| output[key].as_object().into_iter().flatten();
                let entries = sparse("rows").map(|e| (e, true)).chain(sparse("columns").map(|e| (e, false)));
                for ((index, entry), is_row) in entries {
                    let index: usize = index.parse().expect("an index");
                    for (i, value) in numbers(entry).into_iter().enumerate() {
                        values[if is_row { index * count + i } else { i * count + index }] = value;
                    }
                }
            }
            Owned { name: output["name"].as_str().expect("a name").into(), shape, values }
        })
        .collect()
}

/// Numbers that look random and are the same in every run.
pub(crate) struct Noise(pub(crate) u64);

impl Noise {
    /// The next number, 0 to 1.
    pub(crate) fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f32 / (1_u64 << 24) as f32
    }

    /// A number that a broken or hostile network could answer.
    pub(crate) fn wild(&mut self) -> f32 {
        const WILD: [f32; 8] =
            [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -1.0, 0.0, f32::MAX, f32::MIN_POSITIVE, 1e20];
        let pick = self.next();
        if pick < 0.5 { WILD[(pick * 16.0) as usize % 8] } else { self.next() * 700.0 - 30.0 }
    }
}

//! `pipelines/compose.yaml` itself.

use super::*;

#[test]
fn compose_names_only_what_is_there() {
    let compose = compose();
    let services = compose["services"].as_hash().unwrap();
    let is_there = |path: &str| assert!(pipelines(path).exists(), "{path}");
    for (name, service) in services {
        let name = name.as_str().unwrap();
        let image = service["image"].as_str().map(|image| image.split_once(':').expect("a version").1);
        assert!(image != Some("latest"), "{name}");
        assert!(
            image.is_some() != (service["build"].as_str() == Some("consumers")),
            "{name}: an image or our consumers"
        );
        for other in service["depends_on"].as_hash().into_iter().flat_map(|map| map.keys()) {
            assert!(services.contains_key(other), "{name} depends on {other:?}");
        }
        for volume in service["volumes"].as_vec().into_iter().flatten() {
            let source = volume.as_str().unwrap().split(':').next().unwrap();
            match source.strip_prefix("./") {
                Some(file) => is_there(file),
                None => assert!(compose["volumes"].as_hash().unwrap().contains_key(&Yaml::String(source.into()))),
            }
        }
    }
    is_there("consumers/Dockerfile");
    // The topics, as docs/kafka.md lists them for development.
    let script = command_of(&compose["services"]["topics"]).pop().unwrap();
    let docs = std::fs::read_to_string(pipelines("../docs/kafka.md")).unwrap();
    for line in script.lines().filter_map(|line| line.strip_prefix("create ")) {
        let [topic, partitions, retention] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let days = retention.parse::<u64>().unwrap() / 86_400_000;
        let row = docs
            .lines()
            .find(|row| row.starts_with(&format!("| `{topic}` ")) && row.contains(&format!("| {partitions} ")));
        let row = row.unwrap_or_else(|| panic!("docs/kafka.md has no {topic} with {partitions} partitions"));
        assert!(row.contains(&format!("| {days} day")), "{row}");
    }
}

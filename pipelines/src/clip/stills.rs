//! Single pictures with labels, for scores of finding and reading.

use super::film::{Film, Traffic};
use super::path::Drive;
use super::scenario::{Format, Set};
use super::style::STYLES;
use super::vehicle::{End, Kind};
use fastrand::Rng;
use serde_json::json;
use std::fmt::Write as _;
use std::path::Path;

/// Plates of which less is seen than this carry no label.
const LABELLED: f32 = 0.5;

/// Draws `count` pictures into `folder` as JPEG files, with `labels.jsonl` beside them: one line a picture with
/// `image`, `width`, `height`, `region`, `split`, `group` and `plates` (`bbox`, `corners` and, where the plate can be
/// read, `text`).
///
/// # Errors
/// A sentence that names the file that could not be written.
pub fn draw(folder: &Path, count: u32, seed: u64, format: Format) -> Result<(), String> {
    let images = folder.join("images");
    std::fs::create_dir_all(&images).map_err(|e| format!("cannot create {}: {e}", images.display()))?;
    let mut lines = String::new();
    for i in 0..count {
        let seed = seed.wrapping_mul(1_000_003).wrapping_add(u64::from(i));
        let (rgb, label) = still(seed, format, &format!("images/{i:05}.jpg"));
        let path = images.join(format!("{i:05}.jpg"));
        save(&path, &rgb, format).map_err(|e| format!("cannot write {}: {e}", path.display()))?;
        let _ = writeln!(lines, "{label}");
    }
    let path = folder.join("labels.jsonl");
    std::fs::write(&path, lines).map_err(|e| format!("cannot write {}: {e}", path.display()))
}

fn save(path: &Path, rgb: &[u8], format: Format) -> Result<(), image::ImageError> {
    let mut file = std::fs::File::create(path)?;
    let encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut file, 86);
    image::ImageEncoder::write_image(encoder, rgb, format.width, format.height, image::ExtendedColorType::Rgb8)
}

/// One picture as RGB rows, and its label line.
fn still(seed: u64, format: Format, name: &str) -> (Vec<u8>, serde_json::Value) {
    let mut set = Set { rng: Rng::with_seed(seed), format, seed };
    let night = set.rng.u8(..3) == 0;
    let mut traffic = Vec::new();
    let mut region = "none";
    // The distance is drawn so that plates are seen from 50 to 200 pixels wide.
    for (end, lane) in [(End::Front, -2.05), (End::Rear, 2.05)] {
        if set.rng.u8(..5) == 0 {
            continue;
        }
        let style = &STYLES[set.rng.usize(..STYLES.len())];
        region = style.region;
        let kind = [Kind::Car, Kind::Car, Kind::Van, Kind::Truck][set.rng.usize(..4)];
        let plate = set.plate(style.name);
        let vehicle = set.vehicle(kind, end, plate, night);
        let distance = 6.0 + set.rng.f32() * 12.0;
        let lane = lane + (set.rng.f32() - 0.5) * 0.8;
        traffic.push(Traffic { vehicle, drive: Drive::steady(0.0, distance, lane, -8.0) });
    }
    let mut shot = set.shot(night, 1.0, traffic);
    shot.camera.x = (set.rng.f32() - 0.5) * 5.0;
    shot.camera.yaw = -shot.camera.x * 0.05 + (set.rng.f32() - 0.5) * 0.1;
    shot.camera.height = 1.6 + set.rng.f32() * 2.2;
    shot.street.many_signs = set.rng.bool();
    let mut film = Film::new(&shot, seed);
    let rgb = film.frame(0.01, 0);
    let plates: Vec<serde_json::Value> = film
        .into_passes()
        .iter()
        .flat_map(|pass| pass.places.iter().map(move |place| (pass, place)))
        .filter(|(_, place)| place.visible >= LABELLED)
        .map(|(pass, place)| {
            let bbox = place.quad().bounding_rect().clamped(format.width, format.height);
            let mut label = json!({
                "bbox": [bbox.x, bbox.y, bbox.w, bbox.h],
                "corners": place.corners,
            });
            if place.is_readable(pass.display.lines().count()) {
                label["text"] = json!(pass.text);
            }
            label
        })
        .collect();
    let label = json!({
        "image": name, "width": format.width, "height": format.height, "region": region,
        "split": "val", "group": name, "plates": plates,
    });
    (rgb, label)
}

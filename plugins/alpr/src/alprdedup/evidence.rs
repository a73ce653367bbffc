//! Pictures of passes: kept while a pass is in view, written when it gives its event.

use std::collections::HashMap;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use alpr_core::dedup::{EventDecision, Keep, PassId};
use alpr_core::event::{Event, Images};
use alpr_core::geometry::{Point, Quad, Rect};
use alpr_core::image::{self, OwnedFrame};
use jpeg_encoder::{PixelDensity, PixelDensityUnit};
use sha2::{Digest, Sha256};

use super::enums::{Evidence as Kinds, EvidenceFor};
use super::naming::{Names, UrlTemplate, safe};
use super::settings::{Settings, SettingsError};
use crate::frame::{Format, Picture, PictureError};
use crate::meta::View;

/// Part of the plate's width and height that its picture shows on every side of it.
const PLATE_MARGIN: f32 = 0.25;

/// The same for vehicles.
const VEHICLE_MARGIN: f32 = 0.05;

/// Most bytes of whole frames that are kept for passes in view; beyond, later passes go without that picture.
const MOST_KEPT: usize = 256 << 20;

/// What the name of a picture ends on until it is whole.
pub(super) const PART: &str = ".part";

/// How often a missing folder is made for one picture.
const FOLDER_ATTEMPTS: u32 = 2;

/// Colour of corners.
const CORNERS: [u8; 3] = [0, 255, 0];

/// The pictures of passes in view.
pub(super) struct Evidence {
    place: Arc<Place>,
    kinds: Kinds,
    listed_only: bool,
    format: Option<Format>,
    /// Number of the buffer at hand.
    number: u64,
    kept: HashMap<PassId, Arc<Kept>>,
    pub(super) counts: Counts,
}

/// Where pictures go and how.
struct Place {
    location: PathBuf,
    url: UrlTemplate,
    corners: bool,
    quality: u8,
}

/// The pictures of one event, to be written while nothing is locked: a disk may be slow.
pub(super) struct Pictures {
    place: Arc<Place>,
    kept: Arc<Kept>,
}

/// What came of writing them.
#[derive(Default)]
pub(super) struct Written {
    pictures: u64,
    bytes: u64,
    failed: u64,
    /// The first failure, in words.
    pub(super) failure: Option<String>,
}

/// What became of pictures.
#[derive(Clone, Copy, Default)]
pub(super) struct Counts {
    pub(super) written: u64,
    pub(super) bytes: u64,
    /// Frames whose pixels could not be read.
    pub(super) unreadable: u64,
    /// Whole frames that were not kept for want of room.
    pub(super) unkept: u64,
    /// Pictures that could not be written.
    pub(super) failed: u64,
}

/// The pictures of one pass.
struct Kept {
    plate: Option<Rgb>,
    vehicle: Option<Rgb>,
    frame: Option<Arc<Whole>>,
    corners: Quad,
    density: PixelDensity,
}

/// A whole frame, so that the decoder's buffer goes back to it. Passes that it shows share it.
struct Whole {
    pixels: OwnedFrame,
    /// Number of its buffer: times may be missing, or those of several frames.
    number: u64,
    view: View,
}

/// Pixels, three bytes each.
struct Rgb {
    pixels: Vec<u8>,
    width: usize,
    height: usize,
}

/// Checks what can be checked without the disk.
pub(super) fn check(settings: &Settings) -> Result<(), SettingsError> {
    UrlTemplate::parse(&settings.evidence_url_template).map(drop)
}

impl Evidence {
    /// Nothing when no location is set.
    pub(super) fn new(settings: &Settings) -> Result<Option<Self>, SettingsError> {
        let url = UrlTemplate::parse(&settings.evidence_url_template)?;
        if settings.evidence_location.is_empty() || settings.evidence.is_empty() {
            return Ok(None);
        }
        let location = PathBuf::from(&settings.evidence_location);
        std::fs::create_dir_all(&location).map_err(|error| {
            SettingsError(format!("evidence-location={location:?} cannot be made: {error}; choose a writable folder"))
        })?;
        Ok(Some(Self {
            place: Arc::new(Place {
                location,
                url,
                corners: settings.evidence_corners,
                quality: settings.evidence_quality.min(100) as u8,
            }),
            kinds: settings.evidence,
            listed_only: settings.evidence_for == EvidenceFor::Listed,
            format: None,
            number: 0,
            kept: HashMap::new(),
            counts: Counts::default(),
        }))
    }

    pub(super) fn take_caps(&mut self, caps: &gst::CapsRef) {
        self.format = Format::from_caps(caps);
    }

    /// Buffer `number` is at hand.
    pub(super) fn begin(&mut self, number: u64) {
        self.number = number;
    }

    /// Keeps what `keep` shows of the picture `view` of `buffer`, in place of what was kept for its pass. Says why, where
    /// the picture cannot be read: then nothing is kept, for a picture of another frame would be the wrong one.
    pub(super) fn keep(&mut self, keep: &Keep, buffer: &gst::Buffer, view: View) -> Result<(), String> {
        self.kept.remove(&keep.pass);
        let kept = self.cut(keep, buffer, view).map_err(|error| {
            self.counts.unreadable += 1;
            format!("no evidence can be cut from a picture: {error}")
        })?;
        self.kept.insert(keep.pass, Arc::new(kept));
        Ok(())
    }

    fn cut(&mut self, keep: &Keep, buffer: &gst::Buffer, view: View) -> Result<Kept, PictureError> {
        let format = self.format.as_ref().ok_or_else(|| PictureError::Meta("its caps are no raw video".to_owned()))?;
        let density = density(format.pixel_aspect());
        let picture = Picture::map(buffer, format, view)?;
        let frame = picture.frame()?;
        let corners = keep.corners.unwrap_or_else(|| Quad::from_rect(&keep.plate));
        let plate = self.kinds.contains(Kinds::PLATE).then(|| keep.plate.expanded(PLATE_MARGIN));
        let vehicle = keep.vehicle.filter(|_| self.kinds.contains(Kinds::VEHICLE));
        let vehicle = vehicle.map(|vehicle| vehicle.expanded(VEHICLE_MARGIN));
        Ok(Kept {
            plate: plate.and_then(|region| crop(&frame, &region, None)),
            vehicle: vehicle.and_then(|region| crop(&frame, &region, self.place.corners.then_some(&corners))),
            frame: self.kinds.contains(Kinds::FRAME).then(|| self.whole(&frame, view)).flatten(),
            corners,
            density,
        })
    }

    /// The frame, copied where no pass has it yet.
    fn whole(&mut self, frame: &image::Frame<'_>, view: View) -> Option<Arc<Whole>> {
        let number = self.number;
        let frames = || self.kept.values().filter_map(|kept| kept.frame.as_ref());
        if let Some(whole) = frames().find(|whole| whole.number == number && whole.view == view) {
            return Some(whole.clone());
        }
        if bytes(frames()) + frame.len() > MOST_KEPT {
            self.counts.unkept += 1;
            return None;
        }
        Some(Arc::new(Whole { pixels: frame.copy(), number, view }))
    }

    /// `from` is part of `to` now, and the better look at it.
    pub(super) fn adopt(&mut self, from: PassId, to: PassId) {
        // where that could not be cut, the picture of another frame would be the wrong one
        match self.kept.remove(&from) {
            Some(kept) => self.kept.insert(to, kept),
            None => self.kept.remove(&to),
        };
    }

    /// The pass is over.
    pub(super) fn forget(&mut self, pass: PassId) {
        self.kept.remove(&pass);
    }

    /// The pictures of an event that are to be written.
    pub(super) fn of(&self, decision: &EventDecision) -> Option<Pictures> {
        if self.listed_only && !decision.listed {
            return None;
        }
        let kept = self.kept.get(&decision.pass)?.clone();
        Some(Pictures { place: self.place.clone(), kept })
    }

    /// Counts what was written.
    pub(super) fn count(&mut self, written: &Written) {
        self.counts.written += written.pictures;
        self.counts.bytes += written.bytes;
        self.counts.failed += written.failed;
    }
}

impl Pictures {
    /// Writes the pictures of `decision` and puts their URLs and hashes into it.
    pub(super) fn write(&self, decision: &mut EventDecision) -> Written {
        let Self { place, kept } = self;
        let whole = kept.frame.as_ref().and_then(|whole| {
            let frame = whole.pixels.frame().ok()?;
            let all = Rect::new(0.0, 0.0, frame.width() as f32, frame.height() as f32);
            crop(&frame, &all, place.corners.then_some(&kept.corners))
        });
        let mut written = Written::default();
        let Event { event_id, captured_at, camera_id, node, images, extras, .. } = &mut decision.event;
        let Images { plate_url, vehicle_url, frame_url } = images;
        let names = Names {
            site: safe(&node.site),
            camera: safe(camera_id),
            date: captured_at.chars().take(10).collect(),
            event: event_id.clone(),
            revision: extras.revision,
        };
        let wanted = [
            ("plate", kept.plate.as_ref(), plate_url, &mut extras.plate_sha256),
            ("vehicle", kept.vehicle.as_ref(), vehicle_url, &mut extras.vehicle_sha256),
            ("frame", whole.as_ref(), frame_url, &mut extras.frame_sha256),
        ];
        for (kind, picture, url, hash) in wanted {
            let Some(picture) = picture else { continue };
            let key = names.key(kind);
            let path = place.location.join(&key);
            let result = encode(picture, place.quality, kept.density).and_then(|jpeg| {
                write(&path, &jpeg).map_err(|error| format!("{} cannot be written: {error}", path.display()))?;
                Ok(jpeg)
            });
            match result {
                Ok(jpeg) => {
                    written.pictures += 1;
                    written.bytes += jpeg.len() as u64;
                    *url = place.url.fill(&names, kind, &key, &path);
                    *hash = Some(Sha256::digest(&jpeg).iter().map(|byte| format!("{byte:02x}")).collect());
                }
                Err(error) => {
                    written.failed += 1;
                    written.failure.get_or_insert(error);
                }
            }
        }
        written
    }
}

/// Bytes of `frames` together; one that several passes share is there once.
fn bytes<'a>(frames: impl Iterator<Item = &'a Arc<Whole>>) -> usize {
    let sizes: HashMap<*const Whole, usize> = frames.map(|whole| (Arc::as_ptr(whole), whole.pixels.len())).collect();
    sizes.values().sum()
}

/// Cuts `region` out at its own resolution.
fn crop(frame: &image::Frame<'_>, region: &Rect, corners: Option<&Quad>) -> Option<Rgb> {
    let region = region.clamped(frame.width(), frame.height());
    let (left, top) = (region.x.floor(), region.y.floor());
    let region = Rect::from_corners(left, top, region.right().ceil(), region.bottom().ceil());
    let (width, height) = (region.w as usize, region.h as usize);
    if width == 0 || height == 0 {
        return None;
    }
    let mut picture = Rgb { pixels: Vec::new(), width, height };
    image::crop(frame, &region, width, height, &mut picture.pixels);
    if let Some(Quad(corners)) = corners {
        for (from, to) in corners.iter().zip(corners.iter().cycle().skip(1)) {
            let move_in = |p: &Point| Point::new(p.x - region.x, p.y - region.y);
            picture.line(move_in(from), move_in(to));
        }
    }
    Some(picture)
}

impl Rgb {
    /// A line of two pixels' width.
    fn line(&mut self, from: Point, to: Point) {
        let area = Rect::new(-1.0, -1.0, self.width as f32 + 1.0, self.height as f32 + 1.0);
        let Some((from, to)) = area.clip(from, to) else { return };
        let steps = from.distance(to).ceil().max(1.0);
        for step in 0..=steps as u32 {
            let part = step as f32 / steps;
            let (x, y) = (from.x + (to.x - from.x) * part, from.y + (to.y - from.y) * part);
            for (dx, dy) in [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)] {
                let (x, y) = (x + dx, y + dy);
                if x >= 0.0 && y >= 0.0 && (x as usize) < self.width && (y as usize) < self.height {
                    let at = (y as usize * self.width + x as usize) * 3;
                    self.pixels[at..at + 3].copy_from_slice(&CORNERS);
                }
            }
        }
    }
}

/// What a JPEG says of pixels whose width over their height is `aspect`: how many there are along each side of the same length.
fn density(aspect: gst::Fraction) -> PixelDensity {
    let [across, down] = [aspect.denom(), aspect.numer()].map(|part| u16::try_from(part).ok().filter(|part| *part > 0));
    across.zip(down).map_or_else(PixelDensity::default, |density| PixelDensity {
        density,
        unit: PixelDensityUnit::PixelAspectRatio,
    })
}

fn encode(picture: &Rgb, quality: u8, density: PixelDensity) -> Result<Vec<u8>, String> {
    let side = |side: usize| u16::try_from(side).map_err(|_| format!("a side of {side} pixels is too long for JPEG"));
    let mut jpeg = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut jpeg, quality.max(1));
    encoder.set_density(density);
    encoder
        .encode(&picture.pixels, side(picture.width)?, side(picture.height)?, jpeg_encoder::ColorType::Rgb)
        .map_err(|error| format!("the picture cannot be encoded: {error}"))?;
    Ok(jpeg)
}

/// Writes beside `path` and renames, so that nobody sees half a picture.
fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut part = path.as_os_str().to_owned();
    part.push(PART);
    let part = PathBuf::from(part);
    let written = create(&part, |folder| std::fs::create_dir_all(folder)).and_then(|mut file| file.write_all(bytes));
    written.and_then(|()| std::fs::rename(&part, path)).inspect_err(|_| {
        // what is left of it would never be seen again
        std::fs::remove_file(&part).ok();
    })
}

/// Makes the file `path` in a folder that `make` makes where it is missing: again, when retention takes that away while it is
/// still empty.
fn create(path: &Path, mut make: impl FnMut(&Path) -> std::io::Result<()>) -> std::io::Result<File> {
    for _ in 0..FOLDER_ATTEMPTS {
        match File::create(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => make(path.parent().unwrap_or(path))?,
            result => return result,
        }
    }
    File::create(path)
}

#[cfg(test)]
mod tests {
    use alpr_core::image::{Color, Frame, PixelFormat, Plane};

    use super::*;

    #[test]
    fn a_frame_that_passes_share_takes_its_room_once() {
        let whole = |number, side: usize| {
            let data = vec![0; side * side];
            let plane = Plane { data: &data, stride: side };
            let frame = Frame::new(PixelFormat::Gray8, side as u32, side as u32, &[plane], Color::default()).unwrap();
            let view = View { id: Default::default(), first: true, alone: true };
            Arc::new(Whole { pixels: frame.copy(), number, view })
        };
        let (shared, own) = (whole(1, 100), whole(2, 10));
        assert_eq!(bytes([&shared, &own, &shared, &shared].into_iter()), 10_000 + 100);
    }

    #[test]
    fn a_folder_that_retention_takes_away_is_made_again() {
        let folder = std::env::temp_dir().join(format!("alprdedup-folder-{}", std::process::id()));
        let mut made = 0;
        let file = create(&folder.join("day/picture.jpg.part"), |day| {
            made += 1;
            std::fs::create_dir_all(day)?;
            if made == 1 { std::fs::remove_dir(day) } else { Ok(()) }
        });
        assert!(file.is_ok() && made == 2, "{file:?}");
        std::fs::remove_dir_all(folder).unwrap();
    }
}

//! Pictures grow old: deletes those beyond an age or a total size.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::evidence::PART;

/// From this age on, what is written of a picture is what a killed process left of it.
const LEFT: Duration = Duration::from_secs(600);

/// Folders between the location and a picture: site, camera, date.
const DEPTH: usize = 3;

/// Most that may stay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Limits {
    /// Oldest age; `None` for any.
    pub(super) age: Option<Duration>,
    /// Most bytes in all; `None` for any.
    pub(super) size: Option<u64>,
}

impl Limits {
    /// Whether nothing is ever deleted.
    pub(super) const fn keep_all(&self) -> bool {
        self.age.is_none() && self.size.is_none()
    }
}

/// Deletes pictures under `location` until `limits` hold at `now`, the oldest first, what killed processes left of some, and
/// folders of days that became empty, as long as it `goes_on`. Returns how many pictures. Files that are not named like pictures of
/// events are left alone.
pub(super) fn sweep(location: &Path, limits: Limits, now: SystemTime, goes_on: &dyn Fn() -> bool) -> u64 {
    let mut files = Files::default();
    files.collect(location, 0, goes_on);
    if !goes_on() {
        // of what is not all known it is not known either what is the oldest
        return 0;
    }
    let is_older = |file: &Picture, than: Duration| now.duration_since(file.modified).is_ok_and(|old| old > than);
    files.parts.iter().filter(|part| is_older(part, LEFT)).for_each(|part| drop(part.delete()));
    let mut pictures = files.pictures;
    pictures.sort();
    let mut total: u64 = pictures.iter().map(|picture| picture.size).sum();
    let mut deleted = 0;
    for picture in pictures {
        let too_old = limits.age.is_some_and(|age| is_older(&picture, age));
        let too_many = limits.size.is_some_and(|most| total > most);
        if (!too_old && !too_many) || !goes_on() {
            break;
        }
        if picture.delete().is_ok() {
            total -= picture.size;
            deleted += 1;
        }
    }
    deleted
}

/// A picture, whole or not.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Picture {
    modified: SystemTime,
    size: u64,
    path: PathBuf,
}

impl Picture {
    /// Deletes it, and its folder when that was all.
    fn delete(&self) -> std::io::Result<()> {
        std::fs::remove_file(&self.path)?;
        if let Some(folder) = self.path.parent() {
            // fails while there is something left in it
            std::fs::remove_dir(folder).ok();
        }
        Ok(())
    }
}

/// What lies in the place of pictures.
#[derive(Default)]
struct Files {
    pictures: Vec<Picture>,
    /// What is written, or was left, of others.
    parts: Vec<Picture>,
}

impl Files {
    fn collect(&mut self, folder: &Path, depth: usize, goes_on: &dyn Fn() -> bool) {
        let Ok(entries) = std::fs::read_dir(folder) else { return };
        for entry in entries.flatten().take_while(|_| goes_on()) {
            let Ok(metadata) = entry.metadata() else { continue };
            if metadata.is_dir() && depth < DEPTH {
                self.collect(&entry.path(), depth + 1, goes_on);
            } else if metadata.is_file() && depth == DEPTH {
                let name = entry.file_name();
                let name = name.to_string_lossy();
                let (whole, files) = match name.strip_suffix(PART) {
                    Some(whole) => (whole, &mut self.parts),
                    None => (&*name, &mut self.pictures),
                };
                if is_picture(whole) {
                    let modified = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
                    files.push(Picture { modified, size: metadata.len(), path: entry.path() });
                }
            }
        }
    }
}

/// Whether a file is named by an event id and ends as pictures do.
fn is_picture(name: &str) -> bool {
    name.ends_with(".jpg") && name.get(..36).is_some_and(|id| alpr_core::event::EventId::parse(id).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT: &str = "7f019dc8-0c96-4094-9da0-93b6d50cd3";

    fn fill(name: &str) -> (PathBuf, PathBuf) {
        let location = std::env::temp_dir().join(format!("alprdedup-sweep-{name}-{}", std::process::id()));
        let day = location.join("DC1/CAM1/2025-12-27");
        std::fs::create_dir_all(&day).unwrap();
        for n in 10..20u64 {
            let path = day.join(format!("{EVENT}{n}-plate.jpg"));
            std::fs::write(&path, vec![0; 100]).unwrap();
            let file = std::fs::File::options().write(true).open(path).unwrap();
            file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(n)).unwrap();
        }
        std::fs::write(day.join("notes.jpg"), "mine").unwrap();
        (location, day)
    }

    fn left(day: &Path) -> usize {
        std::fs::read_dir(day).unwrap().count()
    }

    #[test]
    fn old_pictures_go_first_and_other_files_stay() {
        let (location, day) = fill("age");
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(20);
        assert_eq!(sweep(&location, Limits::default(), now, &|| true), 0);
        let few = Limits { age: None, size: Some(0) };
        assert_eq!((sweep(&location, few, now, &|| false), left(&day)), (0, 11), "told to end");
        let limits = Limits { age: Some(Duration::from_secs(5)), size: None };
        assert_eq!((sweep(&location, limits, now, &|| true), left(&day)), (5, 6), "10 to 14 are older than 5 seconds");
        let limits = Limits { age: None, size: Some(250) };
        assert_eq!((sweep(&location, limits, now, &|| true), left(&day)), (3, 3), "two pictures and the notes");
        assert!(day.join(format!("{EVENT}19-plate.jpg")).exists());
        std::fs::remove_dir_all(location).unwrap();
    }

    #[test]
    fn what_a_killed_process_left_of_a_picture_goes() {
        let (location, day) = fill("parts");
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(10_000);
        for (name, age) in [("30-plate.jpg.part", 601), ("31-plate.jpg.part", 599)] {
            let path = day.join(format!("{EVENT}{name}"));
            let file = std::fs::File::create(path).unwrap();
            file.set_modified(now - Duration::from_secs(age)).unwrap();
        }
        std::fs::write(day.join("notes.part"), "mine").unwrap();
        let limits = Limits { age: Some(Duration::from_secs(100_000)), size: None };
        assert_eq!(
            (sweep(&location, limits, now, &|| true), left(&day)),
            (0, 13),
            "ten pictures, two notes and what is being written"
        );
        assert!(day.join(format!("{EVENT}31-plate.jpg.part")).exists());
        std::fs::remove_dir_all(location).unwrap();
    }
}

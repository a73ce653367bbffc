//! What the state file holds, whatever becomes of the process and the disk.

use super::*;

fn id(n: u8) -> EventId {
    EventId::parse(&format!("7f019dc8-0c96-4094-9da0-93b6d50cd3{n:02}")).unwrap()
}

fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("alprdedup-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

fn open(path: &str, privacy: Option<Hasher>, memory: &Memory) -> StateFile {
    StateFile::open(path, StateFile::lock(path).unwrap(), privacy, memory).unwrap()
}

fn new_memory() -> Memory {
    Memory::new(&Settings::default())
}

/// An event with `plate` that downstream took.
fn taken(memory: &Memory, plate: &str, event: EventId) -> Remembered {
    let mut memory = memory.lock();
    let entry = memory.insert("cam", "cam", plate, event, Timestamp(5));
    memory.commit(entry);
    memory.get(entry).unwrap().clone()
}

#[test]
fn what_was_delivered_survives_a_kill_and_a_torn_line() {
    let folder = folder("kill");
    let path = folder.join("state").to_string_lossy().into_owned();
    let memory = new_memory();
    let file = open(&path, None, &memory);
    assert!(StateFile::lock(&path).is_err(), "one writer only");
    for (n, plate) in [(1, "ABC123"), (2, "XYZ789"), (3, "PARK2020")] {
        file.note(&taken(&memory, plate, id(n))).write(&memory);
    }
    file.forget(&id(3).to_string()).write(&memory);
    drop(file);
    let mut torn = OpenOptions::new().append(true).open(&path).unwrap();
    let half = r#"{"scope":"cam","plate":"TORÜ"#;
    torn.write_all(&half.as_bytes()[..half.len() - 1]).unwrap();
    let memory = new_memory();
    open(&path, None, &memory);
    let memory = memory.lock();
    assert_eq!(memory.len(), 2);
    assert_eq!(memory.find("cam", "ABC123", Timestamp(6), None).map(|found| found.event_id), Some(id(1)));
    assert_eq!(memory.of_event(id(1)).map(|entry| entry.camera.as_str()), Some("cam"), "it grows old by its clock");
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn the_log_stays_bounded() {
    let folder = folder("bounded");
    let path = folder.join("state").to_string_lossy().into_owned();
    let memory = new_memory();
    let file = open(&path, None, &memory);
    let entry = taken(&memory, "ABC123", id(1));
    for _ in 0..5 * SLACK {
        file.note(&entry).write(&memory);
    }
    assert!(std::fs::read_to_string(&path).unwrap().lines().count() <= SLACK + 2);
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn under_privacy_no_plate_is_on_disk() {
    let folder = folder("privacy");
    let path = folder.join("state").to_string_lossy().into_owned();
    let hasher = Hasher::new(b"0123456789abcdef").unwrap();
    let memory = new_memory();
    let file = open(&path, None, &memory);
    file.note(&taken(&memory, "ABC123", id(1))).write(&memory);
    drop(file);
    let memory = new_memory();
    drop(open(&path, Some(hasher.clone()), &memory));
    assert!(!std::fs::read_to_string(&path).unwrap().contains("ABC123"), "also plates of a run without privacy");
    assert!(memory.lock().find("cam", &hasher.hash("ABC123"), Timestamp(6), None).is_some());
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn under_privacy_no_text_is_taken_for_a_hash() {
    let folder = folder("long");
    let path = folder.join("state").to_string_lossy().into_owned();
    let hasher = Hasher::new(b"0123456789abcdef").unwrap();
    // as long as a hash
    let long = "ABCDEFGHIJ2345672345";
    assert_eq!(long.len(), hasher.hash(long).len());
    let memory = new_memory();
    let file = open(&path, Some(hasher.clone()), &memory);
    file.note(&taken(&memory, long, id(1))).write(&memory);
    drop(file);
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains(&hasher.hash(long)) && !text.contains(long), "{text}");
    // what is a hash stays one, also over a run without privacy
    for privacy in [None, Some(hasher.clone())] {
        let memory = new_memory();
        let file = open(&path, privacy, &memory);
        let plate = memory.lock().of_event(id(1)).cloned().unwrap();
        assert_eq!((plate.text.as_str(), plate.hashed), (hasher.hash(long).as_str(), true));
        file.note(&plate).write(&memory);
    }
    std::fs::remove_dir_all(folder).unwrap();
}

/// A disk with room for so many bytes.
struct Full(Vec<u8>, usize);

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let fits = bytes.len().min(self.1 - self.0.len());
        self.0.extend(&bytes[..fits]);
        if fits == 0 { Err(std::io::ErrorKind::StorageFull.into()) } else { Ok(fits) }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn half_a_line_on_a_full_disk_spoils_no_other() {
    let folder = folder("full");
    let path = folder.join("state").to_string_lossy().into_owned();
    let memory = new_memory();
    let file = open(&path, None, &memory);
    let line = |n, plate| file.note(&taken(&memory, plate, id(n))).line;
    let (mut disk, mut torn) = (Full(Vec::new(), 10_000), false);
    append(&mut disk, &mut torn, &line(1, "ABC123")).unwrap();
    disk.1 = disk.0.len() * 3 / 2;
    append(&mut disk, &mut torn, &line(2, "XYZ789")).unwrap_err();
    append(&mut disk, &mut torn, &line(3, "PARK2020")).unwrap_err();
    disk.1 = 10_000;
    append(&mut disk, &mut torn, &line(4, "KLM456")).unwrap();
    append(&mut disk, &mut torn, &line(5, "DEF321")).unwrap();
    let known = parse(&String::from_utf8(disk.0).unwrap(), None);
    assert_eq!(known.into_keys().collect::<Vec<_>>(), [id(1), id(4), id(5)]);
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn of_a_shared_memory_each_file_keeps_its_own() {
    let folder = folder("site");
    let [entry, exit] = ["entry", "exit"].map(|name| folder.join(name).to_string_lossy().into_owned());
    let memory = new_memory();
    let files = [&entry, &exit].map(|path| open(path, None, &memory));
    let taken = [(1, "ABC123"), (2, "XYZ789")].map(|(n, plate)| taken(&memory, plate, id(n)));
    for (file, entry) in files.iter().zip(&taken) {
        (0..SLACK + 5).for_each(|_| file.note(entry).write(&memory));
    }
    drop(files);
    let memory = new_memory();
    for (path, own) in [(&entry, 1), (&exit, 2)] {
        let known = parse(&std::fs::read_to_string(path).unwrap(), None);
        assert_eq!(known.into_keys().collect::<Vec<_>>(), [id(own)]);
        open(path, None, &memory);
    }
    assert_eq!(memory.lock().len(), 2);
    std::fs::remove_dir_all(folder).unwrap();
}

//! What happens when there is no room.

use super::*;

#[test]
fn the_error_policy_refuses_and_keeps_what_it_has() {
    both(|config| {
        let spool = open(SpoolConfig { max_bytes: size(2, 100) + 50, ..config() });
        put(&spool, record(0, 100)).unwrap();
        put(&spool, record(1, 100)).unwrap();
        let err = put(&spool, record(2, 100)).unwrap_err();
        assert!(matches!(err, NoRoom::Full { bytes, disk_full: false, .. } if bytes == size(2, 100)), "{err:?}");
        deliver(&spool, &take(&spool, 1));
        put(&spool, record(3, 100)).unwrap();
        assert_eq!(numbers(&take_all(&spool)), [1, 3]);
    });
}

#[test]
fn drop_oldest_keeps_what_is_on_its_way() {
    both(|config| {
        let spool = open(SpoolConfig { max_bytes: size(3, 100) + 50, when_full: WhenFull::DropOldest, ..config() });
        for n in 0..3 {
            put(&spool, record(n, 100)).unwrap();
        }
        let sent = take(&spool, 1);
        assert_eq!(put(&spool, record(3, 100)).unwrap(), 1, "1 is dropped, 0 is on its way");
        assert_eq!(put(&spool, record(4, 100)).unwrap(), 1, "2 is dropped");
        deliver(&spool, &sent);
        assert_eq!(numbers(&take_all(&spool)), [3, 4]);
        assert_eq!(spool.depth().bytes, size(2, 100));
    });
}

#[test]
fn the_block_policy_waits_for_room_and_can_be_cancelled() {
    both(|config| {
        let spool =
            Arc::new(open(SpoolConfig { max_bytes: size(1, 100) + 50, when_full: WhenFull::Block, ..config() }));
        put(&spool, record(0, 100)).unwrap();
        let other = spool.clone();
        let blocked = std::thread::spawn(move || put(&other, record(1, 100)).map_err(|err| format!("{err:?}")));
        let sent = take(&spool, 1);
        deliver(&spool, &sent);
        blocked.join().unwrap().unwrap();
        let other = spool.clone();
        let blocked = std::thread::spawn(move || put(&other, record(2, 100)).map_err(|err| format!("{err:?}")));
        spool.set_flushing(true);
        assert_eq!(blocked.join().unwrap(), Err("Cancelled".to_string()));
        assert_eq!(numbers(&take_all(&spool)), [1]);
    });
}

#[test]
fn a_wait_that_lasts_is_told_also_when_the_disk_is_what_is_full() {
    both(|config| {
        let spool = open(SpoolConfig { when_full: WhenFull::Block, ..config() });
        lock(&spool.state).disk_full = true;
        let told = std::cell::Cell::new(0);
        let made = spool.make_room(1, &AtomicU64::new(0), || {
            told.set(told.get() + 1);
            assert!(spool.describe_full().contains("is full"), "no lock is held");
            // Room: the disk is looked at again by the keeper.
            lock(&spool.state).disk_full = false;
        });
        assert!(made.is_ok() && told.get() == 1, "{made:?} {told:?}");
    });
}

#[test]
fn one_record_larger_than_the_spool_is_taken_when_it_is_alone() {
    both(|config| {
        let spool = open(SpoolConfig { max_bytes: 10, ..config() });
        put(&spool, record(0, 100)).unwrap();
        assert!(put(&spool, record(1, 1)).is_err());
        assert_eq!(numbers(&take_all(&spool)), [0]);
    });
}

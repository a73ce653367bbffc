//! Several plates under the id of one vehicle that something upstream follows.
//!
//! Where only vehicles are followed, a vehicle's id is its plate's track. Mostly further finds on it are the same plate twice
//! or lettering that comes and goes, and the surest one counts. But a lorry and its trailer, or a transporter with its load,
//! carry several plates: what is seen beside the first for some frames has a track of its own. Who comes later finds those
//! tracks on the frame and leaves them as they are.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::geometry::{Point, Rect};
use crate::time::Timestamp;

/// Frames in which two plates must be seen beside each other before the second counts.
const TOGETHER: u32 = 3;
/// Most plates of one vehicle.
const MOST_PLACES: usize = 8;
/// Most vehicles at one time; on further ones the surest find counts.
const MOST_VEHICLES: usize = 1024;
/// A vehicle that was not seen for this long is gone.
const FORGET: Duration = Duration::from_secs(10);
/// Two finds are one plate when this part of the smaller one lies in the other.
const SAME_PLATE: f32 = 0.3;
/// Where the number of a further plate lies in its track: trackers count from 0, or from a number of 32 bits per stream.
const NUMBER_SHIFT: u32 = 56;

/// One find with the id it came with.
#[derive(Clone, Copy, Debug)]
pub struct Found {
    /// Its track, which others of the frame may have too.
    pub track_id: u64,
    /// Where it is, px.
    pub bbox: Rect,
    /// Its vehicle, px: places on it move less than places in the picture.
    pub vehicle: Option<Rect>,
    /// Score of the detector, 0 to 1.
    pub confidence: f32,
}

/// The plates of the followed vehicles of one camera.
#[derive(Clone, Debug, Default)]
pub struct Carried {
    vehicles: BTreeMap<u64, Vehicle>,
}

#[derive(Clone, Debug)]
struct Vehicle {
    last: Timestamp,
    places: Vec<Place>,
    /// Whether its further plates come with tracks of their own: another find is none of them.
    is_told_apart: bool,
}

/// One plate on a vehicle; the first keeps the vehicle's id.
#[derive(Clone, Debug)]
struct Place {
    /// Centre on the vehicle.
    at: Point,
    /// Frames in which it was seen beside another one.
    together: u32,
}

impl Carried {
    /// The track of each of `found`, the finds of one frame: its own id where that is the only one; `None` for what is another
    /// find of the same plate, or not yet known to be a plate of its own. No two are alike.
    pub fn tell_apart(&mut self, time: Timestamp, found: &[Found]) -> Vec<Option<u64>> {
        self.vehicles.retain(|_, vehicle| time.since(vehicle.last) <= FORGET && vehicle.last.since(time) <= FORGET);
        let mut by_id: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
        for (index, find) in found.iter().enumerate() {
            by_id.entry(find.track_id).or_default().push(index);
        }
        for (id, number) in by_id.keys().flat_map(|id| (1..MOST_PLACES).map(move |number| (*id, number))) {
            self.vehicles.entry(further(id, number)).and_modify(|vehicle| vehicle.is_told_apart = true);
        }
        let mut tracks = vec![None; found.len()];
        for (id, mut finds) in by_id {
            finds.sort_by(|a, b| found[*b].confidence.total_cmp(&found[*a].confidence));
            let mut apart: Vec<usize> = Vec::new();
            for index in finds {
                if apart.iter().all(|other| !same_plate(&found[*other].bbox, &found[index].bbox)) {
                    apart.push(index);
                }
            }
            let is_known = self.vehicles.contains_key(&id);
            if !is_known && (apart.len() == 1 || self.vehicles.len() >= MOST_VEHICLES) {
                // the usual vehicle has one plate and needs no memory
                tracks[apart[0]] = Some(id);
                continue;
            }
            let new = || Vehicle { last: time, places: Vec::new(), is_told_apart: false };
            let vehicle = self.vehicles.entry(id).or_insert_with(new);
            vehicle.last = time;
            for (index, place) in apart.iter().zip(vehicle.place(&apart.iter().map(|i| found[*i]).collect::<Vec<_>>()))
            {
                tracks[*index] = place.map(|number| further(id, number));
            }
        }
        tracks
    }

    /// Forgets all: what comes next may have the same ids.
    pub fn clear(&mut self) {
        self.vehicles.clear();
    }
}

/// The track of the plate `number` of the vehicle `id`, and the other way round.
const fn further(id: u64, number: usize) -> u64 {
    id ^ ((number as u64) << NUMBER_SHIFT)
}

impl Vehicle {
    /// The number of the place of each of `finds`, surest first; `None` where it does not count yet.
    fn place(&mut self, finds: &[Found]) -> Vec<Option<usize>> {
        if self.is_told_apart {
            self.places.truncate(1);
        }
        let mut pairs: Vec<(f32, usize, usize)> = Vec::new();
        for (index, find) in finds.iter().enumerate() {
            pairs.extend(
                self.places
                    .iter()
                    .enumerate()
                    .map(|(place, known)| (on_vehicle(find).distance(known.at), index, place)),
            );
        }
        pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut of_find: Vec<Option<usize>> = vec![None; finds.len()];
        let mut taken = vec![false; self.places.len()];
        for (_, index, place) in pairs {
            if of_find[index].is_none() && !std::mem::replace(&mut taken[place], true) {
                of_find[index] = Some(place);
            }
        }
        for (find, place) in finds.iter().zip(&mut of_find) {
            if place.is_none() && self.places.len() < MOST_PLACES {
                self.places.push(Place { at: on_vehicle(find), together: 0 });
                *place = Some(self.places.len() - 1);
            }
            if let Some(known) = place.and_then(|place| self.places.get_mut(place)) {
                known.at = on_vehicle(find);
                known.together += u32::from(finds.len() > 1);
            }
        }
        // one that is not yet a plate of its own counts where the first is not seen: it may be the first, elsewhere
        let has_first = of_find.contains(&Some(0));
        let counts = |place: usize| place == 0 || self.places[place].together >= TOGETHER;
        let mut stands_in = !has_first;
        of_find
            .into_iter()
            .map(|place| match place? {
                place if counts(place) => Some(place),
                _ if std::mem::take(&mut stands_in) => Some(0),
                _ => None,
            })
            .collect()
    }
}

/// The centre of a find on its vehicle, in widths of that from its centre; in the picture, px, where none is known.
fn on_vehicle(find: &Found) -> Point {
    let center = find.bbox.center();
    match find.vehicle {
        Some(vehicle) if vehicle.w > 0.0 => {
            let middle = vehicle.center();
            Point::new((center.x - middle.x) / vehicle.w, (center.y - middle.y) / vehicle.w)
        }
        _ => center,
    }
}

fn same_plate(a: &Rect, b: &Rect) -> bool {
    a.intersection(b).area() > SAME_PLATE * a.area().min(b.area())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LORRY: u64 = 7;
    const TRAILER: u64 = LORRY ^ (1 << NUMBER_SHIFT);

    fn find(x: f32, y: f32, confidence: f32) -> Found {
        Found { track_id: LORRY, bbox: Rect::new(x, y, 80.0, 20.0), vehicle: None, confidence }
    }

    fn frames(carried: &mut Carried, frames: &[Vec<Found>]) -> Vec<Vec<Option<u64>>> {
        let at = |number: usize| Timestamp(number as i64 * 100_000_000);
        frames.iter().enumerate().map(|(number, found)| carried.tell_apart(at(number), found)).collect()
    }

    #[test]
    fn finds_of_one_frame() {
        let other = Found { track_id: 9, ..find(100.0, 300.0, 0.5) };
        for (found, expected, why) in [
            (vec![], vec![], "nothing"),
            (vec![find(0.0, 0.0, 0.4)], vec![Some(LORRY)], "the usual case"),
            (vec![find(0.0, 0.0, 0.4), other], vec![Some(LORRY), Some(9)], "two vehicles"),
            (vec![find(0.0, 0.0, 0.4), find(5.0, 2.0, 0.8)], vec![None, Some(LORRY)], "one plate found twice"),
            (vec![find(0.0, 0.0, 0.8), find(400.0, 0.0, 0.7)], vec![Some(LORRY), None], "the second is too new"),
        ] {
            assert_eq!(Carried::default().tell_apart(Timestamp(0), &found), expected, "{why}");
        }
    }

    #[test]
    fn a_trailer_has_a_track_of_its_own_once_it_was_seen_beside_the_lorry_for_a_while() {
        // the trailer's is at times the surer one, and both move by more than half of what lies between them
        let seen: Vec<_> = (0..8_u8)
            .map(|n| {
                let x = 220.0 * f32::from(n);
                let vehicle = Some(Rect::new(x - 50.0, 200.0, 900.0, 300.0));
                let confidence = if n % 2 == 0 { 0.9 } else { 0.6 };
                let (a, b) = (find(x, 400.0, 0.75), find(x + 400.0, 410.0, confidence));
                [a, b].map(|found| Found { vehicle, ..found }).to_vec()
            })
            .collect();
        let mut carried = Carried::default();
        let told = frames(&mut carried, &seen);
        // whichever was surest at first has the vehicle's id
        assert_eq!(told[0], [None, Some(LORRY)]);
        assert_eq!(told[1], [None, Some(LORRY)]);
        assert!(told[2..].iter().all(|tracks| tracks == &[Some(TRAILER), Some(LORRY)]), "{told:?}");
        let alone = carried.tell_apart(Timestamp(900_000_000), &seen[7][..1]);
        assert_eq!(alone, [Some(TRAILER)], "a known one keeps its track when the other is hidden");
    }

    #[test]
    fn lettering_that_comes_and_goes_gets_no_track() {
        let plate = |n: u16| find(10.0 * f32::from(n), 300.0, 0.9);
        let seen: Vec<_> = (0..30)
            .map(|n| if n == 4 || n == 11 { vec![plate(n), find(50.0, 100.0, 0.4)] } else { vec![plate(n)] })
            .collect();
        let told = frames(&mut Carried::default(), &seen);
        assert!(
            told.iter().all(|tracks| tracks[0] == Some(LORRY) && tracks.get(1).is_none_or(Option::is_none)),
            "{told:?}"
        );
    }

    /// What `alprocr` told apart comes to `alprdedup`, which does the same with what it is given.
    #[test]
    fn what_was_told_apart_before_stays_as_it_is() {
        let (mut first, mut second) = (Carried::default(), Carried::default());
        for n in 0..20_u8 {
            let x = 40.0 * f32::from(n);
            let mut seen = vec![find(x, 400.0, 0.8), find(x + 400.0, 410.0, 0.7)];
            if n % 8 == 6 {
                // lettering, and it is the surest
                seen.push(find(x + 100.0, 200.0, 0.9));
            }
            let time = Timestamp(i64::from(n) * 100_000_000);
            let told = first.tell_apart(time, &seen);
            let given: Vec<_> = seen
                .iter()
                .zip(&told)
                .map(|(found, track)| Found { track_id: track.unwrap_or(found.track_id), ..*found })
                .collect();
            assert_eq!(second.tell_apart(time, &given), told, "frame {n}");
        }
    }

    #[test]
    fn a_plate_that_jumps_stays_one() {
        let seen: Vec<_> = (0..10_u8).map(|n| vec![find(300.0 * f32::from(n % 3), 80.0 * f32::from(n), 0.7)]).collect();
        let told = frames(&mut Carried::default(), &seen);
        assert!(told.iter().all(|tracks| tracks == &[Some(LORRY)]));
    }

    #[test]
    fn memory_is_bounded_and_freed() {
        let mut carried = Carried::default();
        for id in 0..2 * MOST_VEHICLES as u64 {
            let found = [0.0, 400.0].map(|x| Found { track_id: id, ..find(x, 0.0, 0.5) });
            let told = carried.tell_apart(Timestamp(0), &found);
            assert_eq!(told.iter().flatten().count(), 1);
        }
        assert_eq!(carried.vehicles.len(), MOST_VEHICLES);
        let many: Vec<_> = (0..20_u8).map(|n| find(100.0 * f32::from(n), 0.0, 0.5)).collect();
        (0..9).for_each(|_| assert!(carried.tell_apart(Timestamp(0), &many).iter().flatten().count() <= MOST_PLACES));
        carried.tell_apart(Timestamp(11_000_000_000), &[]);
        assert!(carried.vehicles.is_empty());
        carried.tell_apart(Timestamp(11_000_000_000), &many);
        carried.clear();
        assert!(carried.vehicles.is_empty());
    }
}

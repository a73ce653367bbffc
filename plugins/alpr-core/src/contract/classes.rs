//! Which classes of a detector are plates, and which are the vehicles that carry them.

/// What the objects of a class are to this program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A plate to read.
    Plate,
    /// A vehicle that may carry one.
    Vehicle,
    /// Anything else.
    Other,
}

/// Parts of names of plate classes in lower case, as trained models have them in several languages.
const PLATE_PARTS: [&str; 13] = [
    "license",
    "licence",
    "registration",
    "lpd",
    "placa",
    "plaque",
    "plaka",
    "kennzeichen",
    "nummernschild",
    "matricula",
    "matrícula",
    "targa",
    "车牌",
];
/// Whole names of plate classes.
const PLATE_NAMES: [&str; 4] = ["lp", "anpr", "alpr", "np"];
/// What stands before "plate" in one word: a nameplate is none, and a template has none.
const BEFORE_PLATE: [&str; 12] =
    ["", "number", "car", "vehicle", "auto", "truck", "bus", "bike", "motorcycle", "front", "rear", "double"];
/// What stands after it, numbers aside: a platen is none.
const AFTER_PLATE: [&str; 6] = ["", "s", "number", "numbers", "no", "text"];
/// Words that make another thing of a plate.
const OTHER_PLATES: [&str; 16] = [
    "dinner", "dessert", "soup", "salad", "paper", "food", "name", "home", "hot", "base", "face", "door", "kick",
    "steel", "metal", "armor",
];
/// Last words of names of vehicle classes: "light truck" is one, "truck wheel" is none.
const VEHICLES: [&str; 16] = [
    "car",
    "truck",
    "bus",
    "van",
    "motorcycle",
    "motorbike",
    "motor",
    "vehicle",
    "lorry",
    "trailer",
    "taxi",
    "pickup",
    "suv",
    "minibus",
    "scooter",
    "tractor",
];

/// Words in names of classes of other detectors that are given for one of plates by mistake.
const PEOPLE: [&str; 8] = ["person", "people", "pedestrian", "human", "face", "head", "hand", "helmet"];

/// Whether `name`, in letters of any case, is one of a class of vehicles.
pub fn is_vehicle(name: &str) -> bool {
    let name = name.to_lowercase();
    name.rsplit(|c: char| !c.is_alphanumeric())
        .find(|word| !word.is_empty())
        .is_some_and(|word| VEHICLES.contains(&word))
}

/// Whether a class of this name is surely none of plates: there are detectors of these things.
pub(super) fn is_no_plate(name: &str) -> bool {
    let word = |word: &str| PEOPLE.iter().any(|people| word.eq_ignore_ascii_case(people));
    is_vehicle(name) || name.split(|c: char| !c.is_alphanumeric()).any(word)
}

/// Whether `name`, in letters of any case, is one of a class of plates, as detectors of many makers call theirs.
pub fn is_plate(name: &str) -> bool {
    let name = name.to_lowercase();
    let words = || name.split(|c: char| !c.is_alphanumeric());
    PLATE_NAMES.contains(&name.trim())
        || PLATE_PARTS.iter().any(|part| name.contains(part))
        || (words().any(is_plate_word) && !words().any(|word| OTHER_PLATES.contains(&word)))
}

/// Whether a word in lower case means plates, such as `plate`, `numberplates` or `plate2`.
fn is_plate_word(word: &str) -> bool {
    word.split_once("plate").is_some_and(|(before, after)| {
        let after = after.trim_end_matches(|c: char| c.is_ascii_digit());
        BEFORE_PLATE.contains(&before) && AFTER_PLATE.contains(&after)
    })
}

/// The role of every class of a detector.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Classes {
    /// By class index; empty where every class is a plate.
    roles: Vec<Role>,
}

impl Classes {
    /// Roles by the names of the classes; `None` where none of them tells a plate.
    ///
    /// A single class is that of plates, whatever its name, unless that is one of vehicles or persons.
    pub(super) fn by_name(names: &[String]) -> Option<Self> {
        match names {
            [] => return Some(Self::default()),
            [name] if !is_no_plate(name) => return Some(Self::default()),
            _ => {}
        }
        // Open Images has dishes too: there plates are `Vehicle registration plate`.
        let dishes = names.iter().any(|name| name.to_lowercase().contains("registration plate"));
        let roles: Vec<Role> = names
            .iter()
            .map(|name| match name {
                _ if dishes && name.eq_ignore_ascii_case("plate") => Role::Other,
                _ if is_plate(name) => Role::Plate,
                _ if is_vehicle(name) => Role::Vehicle,
                _ => Role::Other,
            })
            .collect();
        roles.contains(&Role::Plate).then_some(Self { roles })
    }

    /// Plates are the classes that `wanted` has the names (in letters of any case) or indices of.
    ///
    /// # Errors
    ///
    /// The first of `wanted` that is neither a name nor an index of a class.
    pub(super) fn chosen(names: &[String], wanted: &[String]) -> Result<Self, String> {
        let index = |wanted: &String| {
            let by_name = || names.iter().position(|name| name.eq_ignore_ascii_case(wanted));
            let by_index = || wanted.parse().ok().filter(|index| names.is_empty() || *index < names.len());
            by_name().or_else(by_index).filter(|index| *index < 10_000).ok_or_else(|| wanted.clone())
        };
        let plates: Vec<usize> = wanted.iter().map(index).collect::<Result<_, _>>()?;
        let count = names.len().max(plates.iter().max().map_or(0, |last| last + 1));
        let role = |class: usize| match names.get(class) {
            _ if plates.contains(&class) => Role::Plate,
            Some(name) if is_vehicle(name) => Role::Vehicle,
            _ => Role::Other,
        };
        Ok(Self { roles: (0..count).map(role).collect() })
    }

    /// The role of the class of this index.
    pub fn role(&self, class: u32) -> Role {
        if self.roles.is_empty() {
            return Role::Plate;
        }
        self.roles.get(class as usize).copied().unwrap_or(Role::Other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roles(names: &[&str]) -> Option<String> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let classes = Classes::by_name(&names)?;
        let letter = |class: usize| match classes.role(class as u32) {
            Role::Plate => 'p',
            Role::Vehicle => 'v',
            Role::Other => '-',
        };
        Some((0..names.len()).map(letter).collect())
    }

    #[test]
    fn names_tell_plates_and_vehicles() {
        for (names, expected) in [
            (&["0"][..], Some("p")),
            (&["Number"], Some("p")),
            (&["vehicle"], None),
            (&["car", "License_Plate"], Some("vp")),
            (&["Placa", "Light Truck", "truck wheel", "person"], Some("pv--")),
            (&["plate", "plate_two_rows"], Some("pp")),
            (&["Plate", "Car", "Vehicle registration plate"], Some("-vp")),
            (&["LP", "carrot", "motor-cycle; motorcycle"], Some("p-v")),
            (&["person", "bicycle", "car"], None),
            (&["single", "double"], None),
            (&["face"], None),
            (&["Human head", "plate"], Some("-p")),
        ] {
            assert_eq!(roles(names).as_deref(), expected, "{names:?}");
        }
    }

    #[test]
    fn plates_are_known_by_their_names() {
        for name in [
            "license-plate",
            "License_Plate",
            "LicensePlate",
            "licence-plate",
            "licence_plate",
            "number-plate",
            "number_plate",
            "numberplate",
            "NumberPlates",
            "plate",
            "Plate 2",
            "plate2",
            "PlateNumber",
            "car_plate",
            "carplate",
            "double plate",
            "plate_two_rows",
            "Vehicle registration plate",
            "lpd",
            "LPDNet",
            "lp",
            " LP ",
            "np",
            "anpr",
            "ALPR",
            "Placa",
            "plaque d'immatriculation",
            "Plaka",
            "KFZ-Kennzeichen",
            "Nummernschild",
            "matrícula",
            "targa",
            "车牌",
        ] {
            assert!(is_plate(name), "{name}");
        }
        for name in [
            "platen",
            "dinner plate",
            "nameplate",
            "Name Plate",
            "template",
            "plateau",
            "hotplate",
            "faceplate",
            "lps",
            "help",
            "car",
            "person",
            "",
            "steel plate",
        ] {
            assert!(!is_plate(name), "{name}");
        }
    }

    #[test]
    fn classes_are_chosen_by_name_or_index() {
        let names = ["car".to_owned(), "blue".to_owned(), "green".to_owned()];
        let chosen = |wanted: &[&str]| {
            let wanted: Vec<String> = wanted.iter().map(|name| (*name).to_owned()).collect();
            Classes::chosen(&names, &wanted).map(|classes| (0..4).map(|c| classes.role(c)).collect::<Vec<_>>())
        };
        assert_eq!(chosen(&["Blue", "2"]).unwrap(), [Role::Vehicle, Role::Plate, Role::Plate, Role::Other]);
        assert_eq!(chosen(&["red"]).unwrap_err(), "red");
        assert_eq!(chosen(&["3"]).unwrap_err(), "3");
        let unnamed = Classes::chosen(&[], &["1".to_owned()]).unwrap();
        assert_eq!([0, 1, 2].map(|c| unnamed.role(c)), [Role::Other, Role::Plate, Role::Other]);
    }
}

//! What classifiers of vehicles tell, by the names that people give them, and by their labels.

use super::classes::is_vehicle;

/// What is told of a vehicle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attribute {
    /// Its type, such as van.
    Type,
    /// Who made it.
    Make,
    /// Its model.
    Model,
    /// Its colour.
    Color,
}

/// Words around the one that says what is told.
const BEFORE: [&str; 5] = ["secondary", "vehicles", "vehicle", "cars", "car"];
const BEHIND: [&str; 5] = ["classification", "classifier", "labels", "label", "net"];

/// Labels of classifiers of colors.
const COLORS: [&str; 18] = [
    "black", "white", "gray", "grey", "silver", "red", "blue", "green", "yellow", "orange", "brown", "beige", "gold",
    "purple", "pink", "tan", "bronze", "maroon",
];

impl Attribute {
    /// What a classifier of this name tells, in letters of any case: `carcolor`, `vehiclemake`, `Vehicle-Types`. `None` when
    /// the name does not say, or says more than one thing.
    pub fn of(name: &str) -> Option<Self> {
        let letters: String = name.chars().filter(|c| c.is_alphabetic()).flat_map(char::to_lowercase).collect();
        let mut word = letters.as_str();
        while let Some(rest) = BEFORE.iter().find_map(|before| word.strip_prefix(before)) {
            word = rest;
        }
        while let Some(rest) = BEHIND.iter().find_map(|behind| word.strip_suffix(behind)) {
            word = rest;
        }
        match word {
            "type" | "types" | "bodytype" | "bodytypes" | "body" => Some(Self::Type),
            "make" | "makes" | "brand" | "brands" | "manufacturer" => Some(Self::Make),
            "model" | "models" => Some(Self::Model),
            "color" | "colors" | "colour" | "colours" => Some(Self::Color),
            _ => None,
        }
    }

    /// What `label`, in letters of any case, is of, where no name says what its classifier tells. `None` where the label alone
    /// does not tell either: a make and a model are known by no word.
    pub fn of_label(label: &str) -> Option<Self> {
        if COLORS.contains(&label.trim().to_lowercase().as_str()) {
            Some(Self::Color)
        } else {
            is_vehicle(label).then_some(Self::Type)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_what_is_told() {
        for (name, told) in [
            ("vehicletype", Some(Attribute::Type)),
            ("vehicletypes", Some(Attribute::Type)),
            ("type", Some(Attribute::Type)),
            ("car_body_type", Some(Attribute::Type)),
            ("vehiclemake", Some(Attribute::Make)),
            ("CarMake", Some(Attribute::Make)),
            ("VehicleMakeNet", Some(Attribute::Make)),
            ("secondary-carmodel", Some(Attribute::Model)),
            ("carcolor", Some(Attribute::Color)),
            ("vehicle colour classifier", Some(Attribute::Color)),
            ("vehiclemakemodel", None),
            ("license", None),
            ("vehicle", None),
            ("", None),
        ] {
            assert_eq!(Attribute::of(name), told, "{name}");
        }
    }

    #[test]
    fn labels_tell_types_and_colors() {
        for (label, expected) in [
            ("White", Some(Attribute::Color)),
            ("gray", Some(Attribute::Color)),
            ("van", Some(Attribute::Type)),
            ("Light Truck", Some(Attribute::Type)),
            ("white van", Some(Attribute::Type)),
            ("Toyota", None),
            ("whitewall", None),
            ("", None),
        ] {
            assert_eq!(Attribute::of_label(label), expected, "{label}");
        }
    }
}

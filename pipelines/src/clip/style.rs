//! What the plates of each country look like. Sizes in millimetres; free stand-ins for the official typefaces.

use super::canvas::Rgb;
use super::font::Face;

/// The blue part of a plate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Band {
    /// None.
    None,
    /// At the left, with a country code and, in the European Union, its stars.
    Left {
        /// Country code.
        code: &'static str,
        /// Width in millimetres.
        width: f32,
        /// Whether the ring of stars is shown.
        stars: bool,
    },
    /// Along the top, with the country's name.
    Top {
        /// Country's name.
        title: &'static str,
        /// Height in millimetres.
        height: f32,
    },
}

/// One kind of plate.
#[derive(Clone, Debug, PartialEq)]
pub struct Style {
    /// Name in scenarios.
    pub name: &'static str,
    /// Region code of the truth file.
    pub region: &'static str,
    /// Width and height.
    pub size_mm: (f32, f32),
    /// Plate colour.
    pub background: Rgb,
    /// Colour of the characters.
    pub ink: Rgb,
    /// Colour of the border line, where there is one.
    pub border: Option<Rgb>,
    /// Width of the border line.
    pub border_mm: f32,
    /// Radius of the plate's corners.
    pub radius: f32,
    /// The blue band.
    pub band: Band,
    /// Small line at the top: text, colour, capital height.
    pub header: Option<(&'static str, Rgb, f32)>,
    /// Small line at the bottom.
    pub footer: Option<(&'static str, Rgb, f32)>,
    /// Colour of a landscape printed behind the characters.
    pub scenery: Option<Rgb>,
    /// Typeface.
    pub face: Face,
    /// Capital height.
    pub cap_mm: f32,
    /// Greatest widening of the characters.
    pub wide: f32,
    /// Space between characters in capital heights.
    pub tracking: f32,
    /// Text forms: `l` a letter, `9` any digit, all else itself. British ages are 02 to 26 and 51 to 76.
    pub patterns: &'static [&'static str],
    /// Letters that the country does not use.
    pub without: &'static str,
}

impl Style {
    /// Where the characters go: left, top, right, bottom.
    pub fn text_box(&self) -> (f32, f32, f32, f32) {
        let (w, h) = self.size_mm;
        let (mut x1, mut y1, mut y2) = (w * 0.025, h * 0.04, h * 0.96);
        match self.band {
            Band::None => {}
            Band::Left { width, .. } => x1 = width + w * 0.015,
            Band::Top { height, .. } => y1 = height + 2.0,
        }
        if let Some((.., cap)) = self.header {
            y1 = h * 0.05 + cap * 1.15;
        }
        if let Some((.., cap)) = self.footer {
            y2 = h * 0.955 - cap * 1.2;
        }
        (x1, y1, w * 0.975, y2)
    }
}

const WHITE: Rgb = Rgb(236, 238, 238);
const YELLOW: Rgb = Rgb(244, 200, 40);
const BLACK: Rgb = Rgb(18, 18, 22);
const BLUE: Rgb = Rgb(24, 44, 120);

const EU: Style = Style {
    name: "de",
    region: "DE",
    size_mm: (520.0, 110.0),
    background: WHITE,
    ink: BLACK,
    border: Some(BLACK),
    border_mm: 4.0,
    radius: 9.0,
    band: Band::Left { code: "D", width: 42.0, stars: true },
    header: None,
    footer: None,
    scenery: None,
    face: Face::Condensed,
    cap_mm: 76.0,
    wide: 1.25,
    tracking: 0.10,
    patterns: &["HH ll 999", "B ll 9999", "MTK l 999", "KA ll 9999"],
    without: "BFGIOQ",
};

const US: Style = Style {
    name: "us-ca",
    region: "US-CA",
    size_mm: (305.0, 152.0),
    background: WHITE,
    ink: BLUE,
    border: None,
    border_mm: 0.0,
    radius: 14.0,
    band: Band::None,
    header: Some(("California", Rgb(180, 30, 40), 20.0)),
    footer: Some(("dmv.ca.gov", BLUE, 9.0)),
    scenery: None,
    face: Face::Tall,
    cap_mm: 66.0,
    wide: 1.3,
    tracking: 0.08,
    patterns: &["9lll999"],
    without: "IOQ",
};

const fn left(code: &'static str) -> Band {
    Band::Left { code, width: 44.0, stars: true }
}

/// Every kind of plate that scenarios use.
pub static STYLES: &[Style] = &[
    EU,
    Style { name: "fr", region: "FR", band: left("F"), border: None, patterns: &["ll-999-ll"], without: "IOU", ..EU },
    Style {
        name: "pl",
        region: "PL",
        band: left("PL"),
        patterns: &["WA 9999l", "KR 999ll", "SB 99999"],
        without: "BDIOZQ",
        ..EU
    },
    Style {
        name: "nl",
        region: "NL",
        background: YELLOW,
        band: left("NL"),
        patterns: &["ll-999-l", "l-999-ll", "99-lll-9"],
        without: "AEIOUCMQWY",
        ..EU
    },
    Style { name: "es", region: "ES", band: left("E"), patterns: &["9999 lll"], without: "AEIOUQ", ..EU },
    Style {
        name: "it",
        region: "IT",
        band: left("I"),
        border: None,
        patterns: &["ll 999ll"],
        without: "IOQU",
        face: Face::SemiCondensed,
        ..EU
    },
    Style { name: "ro", region: "RO", band: left("RO"), patterns: &["B 999 lll", "CJ 99 lll"], without: "IOQ", ..EU },
    Style {
        name: "gb-front",
        region: "GB",
        band: Band::None,
        border: None,
        patterns: &["ll19 lll", "ll69 lll"],
        without: "IQZ",
        face: Face::Wide,
        cap_mm: 79.0,
        wide: 1.0,
        ..EU
    },
    Style {
        name: "gb-rear",
        region: "GB",
        background: YELLOW,
        band: Band::None,
        border: None,
        patterns: &["ll19 lll", "ll69 lll"],
        without: "IQZ",
        face: Face::Wide,
        cap_mm: 79.0,
        wide: 1.0,
        ..EU
    },
    Style {
        name: "de-two-rows",
        region: "DE",
        size_mm: (280.0, 200.0),
        band: Band::Left { code: "D", width: 36.0, stars: true },
        cap_mm: 75.0,
        wide: 1.1,
        patterns: &["HH\nll 999", "KA\nll 999"],
        ..EU
    },
    Style {
        name: "pl-two-rows",
        region: "PL",
        size_mm: (305.0, 214.0),
        band: Band::Left { code: "PL", width: 38.0, stars: true },
        cap_mm: 80.0,
        wide: 1.1,
        patterns: &["KR\n9999l", "WE\n999ll"],
        without: "BDIOZQ",
        ..EU
    },
    Style {
        name: "br",
        region: "BR",
        size_mm: (400.0, 130.0),
        band: Band::Top { title: "BRASIL", height: 30.0 },
        cap_mm: 68.0,
        wide: 1.1,
        face: Face::SemiCondensed,
        patterns: &["lll9l99"],
        without: "IOQ",
        ..EU
    },
    Style {
        name: "br-two-rows",
        region: "BR",
        size_mm: (200.0, 170.0),
        band: Band::Top { title: "BRASIL", height: 28.0 },
        cap_mm: 56.0,
        wide: 1.0,
        face: Face::SemiCondensed,
        patterns: &["lll\n9l99"],
        without: "IOQ",
        ..EU
    },
    Style {
        name: "ar",
        region: "AR",
        size_mm: (400.0, 130.0),
        band: Band::Top { title: "REPUBLICA ARGENTINA", height: 28.0 },
        cap_mm: 66.0,
        patterns: &["ll 999 ll"],
        without: "IOQ",
        ..EU
    },
    Style {
        name: "in",
        region: "IN",
        size_mm: (500.0, 120.0),
        band: Band::Left { code: "IND", width: 40.0, stars: false },
        face: Face::SemiCondensed,
        cap_mm: 64.0,
        patterns: &["MH 12 ll 9999", "KA 05 ll 9999"],
        without: "IOQ",
        ..EU
    },
    US,
    Style {
        name: "us-ny",
        region: "US-NY",
        header: Some(("NEW YORK", BLUE, 16.0)),
        footer: Some(("EXCELSIOR", BLUE, 11.0)),
        background: Rgb(240, 236, 220),
        patterns: &["lll-9999"],
        ..US
    },
    Style {
        name: "us-tx",
        region: "US-TX",
        header: Some(("TEXAS", BLACK, 18.0)),
        footer: Some(("The Lone Star State", BLACK, 10.0)),
        ink: BLACK,
        patterns: &["lll-9999"],
        ..US
    },
    Style {
        name: "us-fl",
        region: "US-FL",
        header: Some(("MYFLORIDA.COM", Rgb(20, 110, 60), 15.0)),
        footer: Some(("SUNSHINE STATE", Rgb(20, 110, 60), 12.0)),
        ink: Rgb(20, 90, 60),
        scenery: Some(Rgb(245, 160, 60)),
        patterns: &["lll 9ll", "llll99"],
        ..US
    },
    Style {
        name: "us-va",
        region: "US-VA",
        header: Some(("Virginia", BLUE, 20.0)),
        footer: Some(("1607 - 2026", BLUE, 9.0)),
        patterns: &["lll-9999"],
        ..US
    },
    Style {
        name: "au-nsw",
        region: "AU-NSW",
        size_mm: (372.0, 107.0),
        background: YELLOW,
        ink: BLACK,
        header: None,
        footer: Some(("NEW SOUTH WALES", BLACK, 10.0)),
        face: Face::SemiCondensed,
        cap_mm: 66.0,
        patterns: &["lll-99l", "ll-99-ll"],
        ..US
    },
    Style {
        name: "ca-on",
        region: "CA-ON",
        header: Some(("ONTARIO", BLUE, 17.0)),
        footer: Some(("YOURS TO DISCOVER", BLUE, 9.0)),
        patterns: &["llll 999"],
        without: "GIOQU",
        ..US
    },
];

"""What the world's plates look like: text patterns, shapes, colours, extras. Facts only, no drawing.

A pattern is one plate's text with its spacing:
    L letter   D digit   A letter or digit   V vanity character   @ one of the layout's prefixes
    a-z that very letter (upper-cased)   space: gap   _ wide gap   - . dash and dot, drawn, not in the text
    * a seal or coat of arms   # a picture behind and among the characters   ~ foreign script   | start of the second row   % (alone) a vanity text
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from .synth_states import COUNTIES, PROVINCES, STATES, vanity

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
# I, O and Q exist but are rare on real plates; W and the rest are even.
LETTER_WEIGHTS = np.array([0.5 if c in "IOQ" else 1.0 for c in LETTERS]) / (len(LETTERS) - 1.5)
# What readers confuse, for `synth --look-alikes`: commoner the more of the misreadings it causes.
ALIKE_LETTERS, ALIKE_DIGITS = "OOQQDDBBGMMNNWHVIZSKXUJ", "000888666553217"

WHITE, YELLOW, BLACK = (236, 236, 236), (245, 190, 30), (18, 18, 20)
BLUE, RED, GREEN, NAVY = (25, 60, 150), (170, 25, 30), (15, 95, 55), (22, 32, 85)
ON_WHITE = [(WHITE, BLACK)]
ON_YELLOW = [(YELLOW, BLACK)]
REVERSED = [(BLACK, WHITE)]


@dataclass(frozen=True)
class Layout:
    """One style of plate. `weight` is relative; `aspect` width over height, a range; `colours` pairs of ground and ink."""

    region: str
    weight: float
    patterns: list[str]
    style: str = "plain"  # plain, euro, uk, us, br, mercosur
    fonts: str = "din condensed"
    aspect: tuple[float, float] = (4.3, 4.9)
    colours: list[tuple] = field(default_factory=lambda: ON_WHITE)
    prefixes: tuple[str, ...] = ()
    names: tuple[str, ...] = ()  # written above (us, br) or small beside
    states: tuple = ()  # lines of `synth_states`, which then say names, slogans, colours and serials most of the time
    vanity: float = 0.0  # share of vanity texts


@dataclass(frozen=True)
class Look:
    """One plate to be drawn: rows of characters and marks, ground and ink, the words around it."""

    rows: list[list[str]]
    ground: tuple
    ink: tuple
    name: str
    slogan: str


AU_NAMES = ("NSW", "VICTORIA", "QUEENSLAND", "SOUTH AUSTRALIA", "WESTERN AUSTRALIA", "TASMANIA", "ACT")
SLOGANS = (
    "The Sunshine State", "First in Flight", "Great Lakes", "Famous Potatoes", "Land of Lincoln", "Garden State",
    "Empire State", "Live Free or Die", "Vacationland", "dmv.org", "Grand Canyon State", "Wild Wonderful", "In God We Trust",
    "America's Dairyland", "Treasure State", "County", "The Lone Star State", "10,000 lakes", "Sportsmans Paradise", "Je me souviens",
    "Disabled Veteran", "Firefighter", "Explore", "Peach State", "MONTGOMERY", "www.state.us", "Big Sky", "Toyota of Lakeside", "CITY AUTO SALES", "HONDA",
)  # fmt: skip
BR_NAMES = ("PR-CURITIBA", "SP-SAO PAULO", "RJ-RIO DE JANEIRO", "MG-BELO HORIZONTE", "RS-PORTO ALEGRE", "SC-JOINVILLE", "BA-SALVADOR", "GO-GOIANIA")
US_COLOURS = [
    (WHITE, BLACK), (WHITE, NAVY), (WHITE, BLUE), (WHITE, RED), (WHITE, GREEN), ((205, 222, 240), NAVY), (YELLOW, NAVY),
    ((230, 200, 90), BLACK), (BLUE, WHITE), (NAVY, YELLOW), (BLACK, YELLOW), (GREEN, WHITE), ((215, 235, 215), GREEN),
    ((240, 225, 195), BLACK), ((245, 215, 170), RED), ((180, 205, 230), (60, 20, 30)), (RED, WHITE), ((190, 215, 195), BLACK),
]  # fmt: skip
IN_STATES = tuple("AP AR AS BR CG CH DL GA GJ HP HR JH JK KA KL MH ML MN MP MZ NL OD OR PB PY RJ SK TN TR TS UK UP WB".split())
DE_CITIES = tuple("B M K F S HH D DO E L H N HB DD BN MS KA MA WI AC KS MZ ER FR OS HD PB DA WU R IN UL HN PF RE GT BM NE SU LB ES TUT WAF".split())
PL_CITIES = tuple("WA WI WE WW KR PO GD LU SK SO DW BI ZS KT SLU WGM SBE PKA RZ OP CB CT EL EBE NO TK KN GA GDA WPI".split())
RO_COUNTIES = tuple("AB AG AR BC BH BN BR BT BV BZ CJ CL CS CT CV DB DJ GJ GL GR HD HR IF IL IS MH MM MS NT OT PH SB SJ SM SV TL TM TR VL VN VS".split())
CH_CANTONS = tuple("ZH BE LU UR SZ GL ZG FR SO BS BL SH AG TG TI VD VS NE GE JU".split())

US_PATTERNS = [
    "LLL DDDD", "LLL-DDDD", "LLL*DDDD", "LLLDDDD", "DLLLDDD", "DLLL DDD", "LLL DDD", "LLL-DDD", "LLL*DDD", "DDD LLL", "DDD-LLL", "DDD*LLL",
    "LL DDDDD", "LL DD DDD", "LLL DLD", "LLD DLL", "LDD LDD", "DDDDDD", "DDD DDD", "DDLDDDL", "DLDDDDL", "DDL LDD", "LLDDDDD", "DDDDLLL", "LDD DDDD",
    "LDDLLL", "LLLD D", "DDDD", "DDDDD", "LLLLDD", "LL-DDDD", "LL DDDD", "D LLDDD", "LDDDDD", "DDDLL", "DD LDDDD", "LLL LDD", "D DDDDD",
    "VVVV", "VVVVV", "VVVVVV", "VVVVVVV", "VVVVVVV", "VV VVVV", "VVV VVV", "VVVV VVV", "VVVV-VV", "VVV", "VVVVVV", "LLDDD", "LLLDDD", "DLL DDD",
]  # fmt: skip

LAYOUTS = [
    Layout("US", 38, US_PATTERNS, "us", "strokes-us strokes-us strokes-us strokes-us us condensed serif", (1.9, 2.1), US_COLOURS, states=tuple(STATES), vanity=0.24),
    Layout("CA", 6, ["LLLL DDD", "LLL DDD", "LDD LDL", "LLL-DDDD", "DDD LLL", "LL DDDL", "LLLL*DDD", "LDD*LLL"], "us", "strokes-us strokes-us us condensed", (1.9, 2.1), [(WHITE, BLUE), (WHITE, BLACK), (WHITE, RED)], states=tuple(PROVINCES), vanity=0.1),
    Layout("AU", 3, ["LLL DDD", "LLL-DDD", "DLL DLL", "LL DD LL", "DDD-LLL", "LLDDLL", "DLLL DDD", "LDD DLLL"], "us", "strokes-us strokes-uk us", (2.6, 3.4), [(WHITE, BLACK), (YELLOW, BLACK), (WHITE, BLUE), (WHITE, GREEN), (WHITE, NAVY), (BLACK, WHITE), (WHITE, (110, 20, 60))], names=AU_NAMES, vanity=0.12),
    Layout("NZ", 1, ["LLLDDD", "LLDDDD"], "plain", "strokes-us condensed din", (2.8, 3.3), ON_WHITE, vanity=0.2),
    Layout("GB", 9, ["LLDD LLL", "LLDD LLL", "LLDD LLL", "LDDD LLL", "LDD LLL", "LD LLL", "LLL DDDL", "LLL DDD", "DDD LLL", "LD", "LL D", "LLL D", "D LLL", "LLL DDL", "LLDDLLL", "DDDD LL", "LLDD|LLL", "LLDD|LLL", "LDDD|LLL", "LLL|DDDL"], "uk", "strokes-uk strokes-uk strokes-uk condensed", (4.4, 5.0), [(WHITE, BLACK), (YELLOW, BLACK)]),
    Layout("IE", 0.7, ["DDD-L-DDDDD", "DD-L-DDDDD", "DDD-LL-DDDD", "DDD-L-DDDD"], "euro", "condensed strokes-uk din", colours=ON_WHITE),
    Layout("DE", 5, ["@*LL DDDD", "@*LL DDD", "@*L DDDD", "@*L DDD", "@*LL DD", "@-LL DDDD", "@ LL DDDD", "@*LL DDDe", "@*L DD", "@|*LL DDD", "@*|LL DDDD", "@|*L DDD", "@**|L DD", "@|LL*DD", "@*|LDDD", "LLL*LL DDD", "LL*L DDDD"], "euro", "fe fe fe din", prefixes=DE_CITIES),
    Layout("FR", 2, ["LL-DDD-LL", "LL-DDD-LL", "DDDD LL DD", "DDD LLL DD", "LL-DDD|LL", "DDDD LL|DD"], "euro", "condensed strokes-us din", colours=[(WHITE, BLACK), (WHITE, BLACK), (YELLOW, BLACK)]),
    Layout("IT", 1.3, ["LL DDDLL", "LL*DDDLL", "LL DDD|LL", "LL|DDDLL"], "euro", "condensed strokes-us din"),
    Layout("ES", 1.3, ["DDDD LLL", "DDDD-LLL", "L-DDDD-LL", "DDDD|LLL", "LL-DDDD-L"], "euro", "condensed strokes-us din"),
    Layout("NL", 1.8, ["LL-DDD-L", "DD-LL-LL", "L-DDD-LL", "DD-LLL-D", "LL-LL-DD", "D-LLL-DD", "LL-DD-LL", "DD-LL|LL"], "euro", "strokes-us condensed strokes-uk", colours=ON_YELLOW),
    Layout("BE", 1.6, ["D-LLL-DDD", "LLL-DDD", "DDD-LLL", "D*LLL-DDD", "DLLLDDD", "D-LLL|DDD"], "euro", "condensed strokes-us din", colours=[(WHITE, RED)]),
    Layout("PL", 2.6, ["@ DDDDD", "@ DDDDL", "@ DDDLL", "@ DLDDD", "@*LLDD", "@ LDDDD", "@ DLLDD", "@LDDDL", "@|DDDLL", "@|LDDD"], "euro", "condensed condensed din strokes-us", prefixes=PL_CITIES),
    Layout("RO", 2.2, ["@ DD LLL", "@ DD LLL", "b DDD LLL", "b DD LLL", "@ DDDDDD", "@|DDLLL"], "euro", "din condensed strokes-us fe", prefixes=RO_COUNTIES),
    Layout("CZ", 0.9, ["DLD DDDD", "DLL DDDD", "DL* DDDD", "LLL DD-DD", "DLD|DDDD"], "euro", "din condensed"),
    Layout("SK", 0.7, ["LL*DDDLL", "LL-DDDLL", "LLDDDLL"], "euro", "fe din condensed"),
    Layout("AT", 1, ["LL*DDDLL", "L*DDDDLL", "L DDDDDL", "LL*DDDL", "LL*LLLD", "L*|DLLL", "LL*|DDDLL", "L*|DDDDL"], "euro", "din fe condensed"),
    Layout("CH", 1, ["@*DDDDDD", "@ DDDDDD", "@.DDDDD", "@|DDDDDD", "@*|DDDDD", "*@*|DDD DDD", "*@ DDD DDD*"], "plain", "din condensed", prefixes=CH_CANTONS),
    Layout("HU", 0.8, ["LLL-DDD", "LL LL-DDD", "LL*LL-DDD", "LLL|DDD"], "euro", "din condensed"),
    Layout("SE", 1, ["LLL DDD", "LLL DDL", "LLL*DDD"], "euro", "condensed din strokes-us"),
    Layout("NO", 0.8, ["LL DDDDD", "LL*DDDDD", "LL|DDDDD"], "euro", "condensed strokes-us din"),
    Layout("DK", 0.8, ["LL DD DDD", "LL|DD DDD"], "euro", "condensed din"),
    Layout("FI", 0.8, ["LLL-DDD", "LLL-DD", "LL-DDD"], "euro", "condensed strokes-us din"),
    Layout("EE", 0.5, ["DDD LLL", "DDDLLL"], "euro", "condensed din"),
    Layout("LV", 0.5, ["LL-DDDD", "LL-DDD", "LL|DDDD"], "euro", "din condensed"),
    Layout("LT", 0.5, ["LLL DDD", "LLL*DDD"], "euro", "din condensed"),
    Layout("PT", 0.7, ["DD-LL-DD", "LL-DD-LL", "DD-DD-LL", "LL DD LL"], "euro", "condensed strokes-us"),
    Layout("GR", 0.7, ["LLL-DDDD", "LLL|DDDD", "LLL|DDD"], "euro", "fe din condensed"),
    Layout("HR", 0.6, ["LL*DDD-LL", "LL*DDDD-L", "LL DDDD LL", "zg*DDDD-L"], "euro", "din condensed fe"),
    Layout("SI", 0.6, ["LL*LD-DDD", "LL*DD-LLL", "LL DDDLL"], "euro", "din condensed"),
    Layout("RS", 0.5, ["LL*DDD-LL", "LL*DDDD-LL", "LL DDD LL"], "euro", "din condensed"),
    Layout("BG", 0.5, ["L DDDD LL", "LL DDDD LL", "LL DDDDLL"], "euro", "din condensed"),
    Layout("UA", 0.8, ["LL DDDD LL", "LLDDDDLL", "LL DDDD|LL"], "euro", "condensed strokes-us"),
    Layout("TR", 0.8, ["DD LL DDD", "DD LLL DD", "DD L DDDD", "DD LL DDDD", "DD LLL DDD"], "euro", "condensed strokes-us"),
    Layout("MD", 0.5, ["LLL DDD", "L LL DDD", "LL*LL DDD"], "euro", "din condensed"),
    Layout("BR", 4, ["LLL-DDDD", "LLL DDDD", "LLL.DDDD", "LLL|DDDD"], "br", "din condensed us strokes-us", (2.7, 3.3), [((200, 200, 200), BLACK), ((200, 200, 200), BLACK), ((185, 185, 185), (40, 40, 40)), (RED, WHITE), (WHITE, BLACK)], names=BR_NAMES),
    Layout("BR", 3, ["LLLDLDD", "LLL DLDD", "LLLDLDD", "LLL|DLDD"], "mercosur", "fe fe din", (2.9, 3.3), [(WHITE, BLACK), (WHITE, BLACK), (WHITE, RED), (WHITE, BLUE)], names=("BRASIL",)),
    Layout("AR", 1, ["LL DDD LL", "LL DDD LL", "LLLDDD"], "mercosur", "fe din condensed", (2.9, 3.3), [(WHITE, BLACK), (WHITE, BLACK), (BLACK, WHITE)], names=("REPUBLICA ARGENTINA", "ARGENTINA")),
    Layout("MX", 1, ["LLL-DD-DD", "LLL-DDD-L", "LDD-LLL", "LLL-DDDD"], "us", "strokes-us us", (1.9, 2.1), US_COLOURS, names=("JALISCO", "MEXICO", "BAJA CALIFORNIA")),
    Layout("IN", 4, ["@ DD LL DDDD", "@DDLLDDDD", "@ DD L DDDD", "@-DD-LL-DDDD", "@.DD.L.DDDD", "@DD LL DDDD", "@ DLLL DDDD", "@ DD|LL DDDD", "@DD LL|DDDD", "@DDL|DDDD", "@-DD|L DDDD"], "plain", "condensed strokes-asia din us any", (4.0, 4.9), [(WHITE, BLACK), (WHITE, BLACK), (YELLOW, BLACK), (WHITE, BLACK), (GREEN, WHITE)], prefixes=IN_STATES),
    Layout("VN", 5, ["DDL-DDD.DD", "DDL-DDDD", "DD-LD|DDD.DD", "DD-LD|DDDD", "DDL|DDD.DD", "DDL|DDDD", "DD-LL|DDD.DD", "DDLD|DDD.DD"], "plain", "strokes-asia condensed us din", (4.2, 4.7), [(WHITE, BLACK), (WHITE, BLACK), (WHITE, BLACK), (BLUE, WHITE), (YELLOW, BLACK)]),
    Layout("MY", 1.2, ["LLL DDDD", "LLL DDD", "L DDDD", "LL DDDD", "LLLDDDD", "LLL|DDDD", "wLL DDDD"], "plain", "condensed strokes-asia us", (3.6, 5.0), REVERSED),
    Layout("SG", 0.4, ["sLL DDDDL", "sLLDDDDL"], "plain", "strokes-uk condensed", (4.0, 5.0), [(BLACK, WHITE), (WHITE, BLACK)]),
    Layout("PK", 1.2, ["LLL-DDD", "LLL-DDDD", "LL-DDDD", "LLL DDD", "LLL|DDD", "LL-DD|DDDD", "LLL|DDDD"], "br", "condensed strokes-asia us any serif", (1.9, 3.6), [(WHITE, BLACK), (YELLOW, BLACK), (BLACK, WHITE)], names=("ISLAMABAD", "PUNJAB", "SINDH", "ICT")),
    Layout("PK", 1.2, ["LLL|DDDD", "LLL DDDD", "LLL DDD", "LL DDDD", "LLL|DDD", "LLL DD|DDDD"], "euro", "serif condensed strokes-asia din us", (1.9, 4.6)),
    Layout("BY", 0.5, ["DDDD LL-D", "DDDD|LL-D"], "euro", "din condensed strokes-us"),
    Layout("AE", 0.8, ["L DDDDD", "DDDDD", "DD DDDDD", "L DDDD", "L|DDDDD", "L~DDDDD", "L~DDDD", "~DDDDD"], "br", "strokes-us din", (2.0, 4.5), [(WHITE, BLACK), (YELLOW, BLACK)], names=("DUBAI", "AJMAN", "SHARJAH", "U.A.E")),
    Layout("IL", 1.0, ["DD-DDD-DD~", "~DDD-DD-DDD", "DD-DDD-DD", "DDD-DD-DDD", "DD DDD DD", "DDD-DD|DDD"], "euro", "din strokes-us condensed", colours=ON_YELLOW),
    Layout("ZA", 0.8, ["LL DD LL gp", "LLL DDD gp", "ca DDDDDD", "LL DDDDD"], "br", "condensed din us", (3.8, 4.7), [(WHITE, BLACK), (WHITE, BLUE), (YELLOW, BLACK)], names=("", "GAUTENG")),
    Layout("CN", 1, ["*L.DDDDD", "*LALDDD", "*L.LDDDD", "*L.DDDDL", "*L.ADDDD"], "plain", "condensed strokes-asia din", (3.0, 3.3), [(BLUE, WHITE), (BLUE, WHITE), (YELLOW, BLACK), ((150, 215, 160), BLACK)]),
    Layout("ID", 0.7, ["L DDDD LLL", "LL DDDD LL", "L DDDD L"], "plain", "strokes-asia condensed", (3.0, 3.6), [(BLACK, WHITE), (WHITE, BLACK)]),
    Layout("KH", 0.4, ["DL-DDDD", "DLL-DDDD"], "us", "strokes-us us", (2.0, 2.4), [(WHITE, BLUE)], names=("CAMBODIA", "PHNOM PENH")),
    Layout("ZZ", 1.2, ["%"], "euro", "fe condensed din strokes-us strokes-uk"),
    Layout("ZZ", 1.2, ["DDDDDD~", "DDDDD~", "~DDDDDD", "~|DDDDD", "~DDD~DDD", "DDDD~LL", "~|DD-DD", "~|D-DDD", "DDDDD~LL", "~|DDDD"], "plain", "strokes-us din condensed strokes-asia", (1.9, 4.6), [(WHITE, BLACK), (WHITE, BLACK), (WHITE, GREEN), (YELLOW, BLACK)]),
    Layout("ZZ", 4, ["AAAAAA", "AAA AAA", "AAAA AAA", "AA-AAAA", "AAAAA", "AAAAAAA", "AAAAAAAA", "AAA|AAA", "AA AA|AAAA", "AAAA|AAA", "DDDDDD", "LLLLLL", "AAAA", "AAA", "DDD|DDD", "%", "LL|DDDD", "LDDDLL DDD", "LDDDLLDD", "AAAAAAAAA", "AAAAAAAAAA", "LD", "DDL"], "plain", "any condensed us strokes-us strokes-uk strokes-asia din fe serif", (1.9, 5.0), [*US_COLOURS, (BLUE, YELLOW), (BLACK, WHITE), (YELLOW, BLACK), (WHITE, BLACK)]),
]  # fmt: skip

REGIONS = sorted(
    set(
        "AL AD AR AM AU AT AZ BH BY BE BA BR BG KH CA HR CY CZ DK EE FI FR GE DE GI GR GG HU IS ID IE IL IT LV LI LT LU MY MT MX "
        "MD MC ME NL NZ MK NO PL PT QA RO SM RS SG SK SI ES SE CH TH TR US UA GB VN".split()
    )
    | {layout.region for layout in LAYOUTS if layout.region != "ZZ"}
) + ["ZZ"]


def random_rows(rng: np.random.Generator, layout: Layout, patterns: list[str], alike: bool = False) -> list[list[str]]:
    """Rows of characters and marks after one of the `patterns`; at most ten letters and digits. `alike`: free letters and
    digits are drawn from those that readers confuse."""
    while True:
        text = patterns[rng.integers(len(patterns))]
        if text == "%":
            text = vanity(rng)
        rows: list[list[str]] = [[]]
        for mark in text:
            if mark == "|":
                rows.append([])
            elif mark in "LDAV":
                digit = mark == "D" or (mark != "L" and rng.random() < (0.5 if mark == "A" else 0.12))
                if alike:
                    pool = ALIKE_DIGITS if digit else ALIKE_LETTERS
                    rows[-1].append(pool[rng.integers(len(pool))])
                elif digit:
                    rows[-1].append(str(rng.integers(10)))
                else:
                    rows[-1].append(str(rng.choice(list(LETTERS), p=LETTER_WEIGHTS)) if mark == "L" else LETTERS[rng.integers(26)])
            elif mark == "@":
                rows[-1].extend(layout.prefixes[rng.integers(len(layout.prefixes))])
            else:
                rows[-1].append(mark.upper())
        if sum(c.isalnum() for row in rows for c in row) <= 10:
            return rows


def random_look(rng: np.random.Generator, layout: Layout, alike: bool = False) -> Look:
    """What one plate of `layout` shows; `alike` as in `random_rows`."""
    patterns, (ground, ink) = layout.patterns, layout.colours[rng.integers(len(layout.colours))]
    name = layout.names[rng.integers(len(layout.names))] if layout.names else ""
    slogan = SLOGANS[rng.integers(len(SLOGANS))]
    if layout.states:
        name, slogans, colours, serials = layout.states[rng.integers(len(layout.states))]
        patterns = serials if rng.random() < 0.65 else patterns
        if rng.random() < 0.65:
            ground, ink = colours[rng.integers(len(colours))]
        slogan = slogans[rng.integers(len(slogans))] if rng.random() < 0.6 else slogan
        slogan = str(rng.choice(COUNTIES)) if rng.random() < 0.15 else slogan
    if rng.random() < layout.vanity:
        patterns = ["%"]
    name, slogan = (text.upper() if rng.random() < 0.4 else text for text in (name, slogan))
    return Look(random_rows(rng, layout, patterns, alike), ground, ink, name, slogan)


def random_layout(rng: np.random.Generator) -> Layout:
    """A layout drawn by weight."""
    return LAYOUTS[rng.choice(len(LAYOUTS), p=_WEIGHTS)]


_WEIGHTS = np.array([layout.weight for layout in LAYOUTS])
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()

"""What North American plates look like, state by state and province by province: slogans, colours, serials, as facts.

A style is drawn from one line most of the time; otherwise names, slogans, colours and serials are mixed freely, because
every state has hundreds of special plates. Patterns: see `synth_layouts`.
"""

from __future__ import annotations

import numpy as np

INKS = {
    "white": (236, 236, 236), "yellow": (245, 190, 30), "gold": (230, 200, 90), "black": (18, 18, 20), "navy": (22, 32, 85), "blue": (25, 60, 150),
    "red": (170, 25, 30), "green": (15, 95, 55), "maroon": (95, 20, 40), "brown": (90, 55, 30), "sky": (190, 215, 240), "mint": (215, 235, 215),
    "sand": (240, 225, 195), "peach": (245, 205, 165), "grey": (200, 200, 200), "teal": (15, 95, 100), "orange": (235, 130, 40), "purple": (75, 40, 110),
}  # fmt: skip

# name | slogans ; ground/ink ; serials (each separated by blanks, a serial's own blank is written ~)
_STATES = """
Alabama | Sweet Home, Heart of Dixie, God Bless America | sky/navy white/red sand/black | DDLDDDL DLDDDDL DDDDLLL LLDDDD
Alaska | The Last Frontier, North to the Future, Celebrating Statehood | yellow/navy sky/navy white/blue | LLL~DDD LLL*DDD
Arizona | Grand Canyon State | sky/teal peach/purple maroon/white | LLLDDDD DDD*LLL LLL*DDDD LDLDLD LLLDLDL
Arkansas | The Natural State | white/navy white/red sky/navy | DDD~LLL LLL~DDL DDD*LLL LLL*DDL
California | dmv.ca.gov, Sesquicentennial | white/navy blue/yellow black/yellow white/blue | DLLLDDD DLLLDDD DLLLDDD DLDDDDD
Colorado | County | green/white white/green sky/green | DDDLLL LLLDDD LLL*DDD LLL-LDD DDD*LLL
Connecticut | Constitution State | sky/navy white/blue navy/white | LLDDDDD DLLLLD LLDDDDD DDD~LLL
Delaware | The First State | blue/yellow navy/gold | DDDDDD DDDDD DDDD PCDDDDDD
Florida | Sunshine State, In God We Trust, MyFlorida.com | white/green white/teal sand/green | LLL*LDD DDD*LLL LLLL*DD LLL~DLD LDD*DLL LLL*DDL
Georgia | Peach State, In God We Trust, .gov | white/black white/green sand/black | LLL*DDDD LLL~DDDD DDDDLLL
Hawaii | Aloha State | white/black sand/black | LLL~DDD LLLDDD
Idaho | Famous Potatoes, Scenic | white/navy sky/navy sand/black red/white | DL~DDDDD DL~LDDDD L~DDDDDD DLDDDDL DLLDDLL
Illinois | Land of Lincoln | sky/red white/red white/navy | LDD~DDDD DDD~DDDD LL~DDDDD DDDDDD LLL~DDDD
Indiana | In God We Trust, Hoosier State, Amber Waves | sky/navy white/navy blue/white | DDDLLL DDDLL DDLDDDD DDDL
Iowa | County, The Corn State | white/navy sky/navy black/white | LLL~DDD DDD~LLL LLLDDD
Kansas | The Wheat State, Ad Astra | sky/navy white/navy peach/navy | DDD~LLL DDDDLLL LLLDDDD
Kentucky | Bluegrass State, Unbridled Spirit, In God We Trust | sky/navy white/navy | DDD~LLL LLLDDD LDLDDD DDDLLL
Louisiana | Sportsman's Paradise, Bayou State, 200 Years | white/navy white/red sand/black | LLL~DDD DDDLLL LLLDDD DDD~LLL
Maine | Vacationland | white/black sand/green white/navy | DDDD~LL DDD~LLL LLL~DDD
Maryland | Treasure the Chesapeake, War of 1812, Our Farms Our Future | white/black mint/teal sky/navy | LLL~LDD DLLDDDD LLLDDDD DLLDDLL DLL~LDD
Massachusetts | The Spirit of America, Cape Cod and Islands, Invest in Youth | white/red white/maroon green/white | DDDLLD DLLLDD LLL~DDD DLLDDD DDDLLL DDLLDD
Michigan | Great Lakes, Pure Michigan, Spectacular Peninsulas, Great Lakes Splendor | blue/white white/navy sky/navy | LLL~DDDD LLLDDD DLLLDD LLL~LDD
Minnesota | 10000 Lakes, Explore | sky/navy white/navy | DDD-LLL LLL-DDD LLL~DDD DLLDDD
Mississippi | The Magnolia State, Birthplace of Music, Hospitality State, In God We Trust | sky/navy sand/navy peach/navy | LLL~DDD LLL*DDD LLLDDDD DDDLLL
Missouri | Show-Me State, Bicentennial | sky/navy white/navy mint/black | LLD~LDL DDDLLL LLD~LDL LLLDDD
Montana | Treasure State, Big Sky Country | blue/white white/navy sky/black navy/white | DDDDDDL D-DDDDDL DD-DDDDL LLLDDD DDD~LLL
Nebraska | The Good Life, Cornhusker State | white/navy sand/navy sky/black | LLL~DDD DD-LDDD DDL~DDDD D-LDDDD
Nevada | The Silver State, Home Means Nevada | sky/navy white/navy blue/white | DDD*LLL DDLDDD DDD~LLL DDD-LLL
New Hampshire | Live Free or Die | white/green mint/green | DDD~DDDD DDDDDDD DDD~DDD
New Jersey | Garden State | peach/black gold/black blue/gold | LLL~DDL DDD*LLL LDD~LLL LLDDDL LLLDDL
New Mexico | Land of Enchantment, Centennial | yellow/red teal/yellow | DDD~LLL LLLLDD LLL~DDD DDDLLL
New York | Empire State, Excelsior, The Empire State | gold/navy white/navy yellow/navy | LLL-DDDD LLL*DDDD LLL~DDDD DLLLDD
North Carolina | First in Flight, First in Freedom | white/blue white/navy white/red | LLL-DDDD LLLDDDD LLL-DDD LLL~DDDD
North Dakota | Legendary, Peace Garden State, Discover the Spirit | sky/black white/navy peach/black | DDD~LLL LLL~DDD DDDLLL
Ohio | Birthplace of Aviation, Beautiful, Sunrise in Ohio, The Heart of It All | white/navy sky/navy white/red | LLL~DDDD LLLDDDD LL~DDLL
Oklahoma | Native America, Explore, Imagine That, OK | white/black sky/navy white/green | LLL~DDD DDDLLL LLL*DDD LLLDDD
Oregon | Pacific Wonderland, Crater Lake Centennial, Cultural Trust | sky/navy sand/navy peach/black blue/white | DDD~LLL LLL~DDD DDDLLL LLL*DDD
Pennsylvania | Keystone State, visitPA.com, www.state.pa.us, You've Got a Friend in | sky/navy white/navy blue/gold yellow/blue | LLL-DDDD LLL*DDDD LLLDDDD LLL~DDDD
Rhode Island | Ocean State, Discover Beautiful | white/navy sky/navy | LL-DDD DDDDDD LLDDD DLL~DDD LL~DDD
South Carolina | In God We Trust, While I Breathe I Hope, Travel2SC.com, Smiling Faces | white/black sky/navy peach/black | LLL*DDD LLL~DDD DDDL~LL LLLDDD
South Dakota | Great Faces Great Places, Mount Rushmore State | sky/navy white/red sand/navy | DDL~DDD DL~DDDD DDLDDD DLLDDD
Tennessee | The Volunteer State, Sounds Good to Me, tnvacation.com, In God We Trust | mint/navy navy/white white/navy | LLL-DDD LDD-DDL DDD~LLL LLL~DDD
Texas | The Lone Star State | white/black sky/black white/navy | LLL~DDDD LLL-DDDD LLL*DDDD LDD~LLL DLL~DDD LLDLDDD
Utah | Life Elevated, Greatest Snow on Earth, Centennial, Ski | sky/navy peach/navy white/navy black/white | LDDDLL DDD~LLL LDD~DLL LDDDLLL
Vermont | Green Mountain State | green/white | LLL~DDD DDDLDDD LLLDDD
Virginia | Virginia is for Lovers, Jamestown 400th Anniversary, Heritage | white/navy sky/navy white/black | LLL-DDDD LLLDDDD LLL~DDDD DDD-LLL
Washington | Evergreen State | sky/navy white/navy | LLLDDDD DDD-LLL LLL-DDDD DDD~LLL
West Virginia | Wild Wonderful, Almost Heaven | white/navy yellow/blue | DLL~DDD LLLDDD DDDLDD DLDDDD
Wisconsin | America's Dairyland | white/black yellow/red white/red | LLL-DDDD DDD-LLL LLLDDD LL-DDDD
Wyoming | Forever West, Like No Other on Earth | sky/black white/brown peach/brown | D*DDDD DD*DDDL D*DDLL DD*DDDD D*DDDDL
Washington DC | Taxation Without Representation, Celebrate and Discover, End Taxation | white/navy sky/navy white/red | LL-DDDD LL*DDDD LL~DDDD DDD-DDD
Puerto Rico | Isla del Encanto | white/black sky/navy | LLL-DDD LLL*DDD
"""
_PROVINCES = """
Ontario | Yours to Discover, Keep It Beautiful, A Place to Grow | white/blue white/blue white/navy blue/white | LLLL*DDD LLLL~DDD LLL*DDD DDD*LLL LLL~DDD LLDDDDD
Québec | Je me souviens, La belle province | white/blue white/navy | LDD~LLL DDD~LLL LDDLLL DDDLLL DDD*LLL
British Columbia | Beautiful, The Best Place on Earth, The Best Place | white/blue white/navy | DDD~LLL LLD~DDL LL*DDDL LL~DDDL LLL*DDD LLDDDL DDDLLL
Alberta | Wild Rose Country | white/red white/maroon | LLL-DDDD LLL~DDD LLL-DDD DDD~LLL
Manitoba | Friendly, 100000 Lakes | sky/blue white/navy mint/black | LLL~DDD LLL*DDD DDD~LLL
Saskatchewan | Land of Living Skies | white/green sky/green | DDD~LLL DDD*LLL LLL~DDD
Nova Scotia | Canada's Ocean Playground | white/blue sky/navy | LLL~DDD LLL*DDD
New Brunswick | Nouveau-Brunswick, Be in this place, Conservation | white/red white/black | LLL~DDD LLL-DDD LLL*DDD
Newfoundland and Labrador | World of Difference, A World of Difference | white/red sky/blue white/blue | LLL~DDD LLL*DDD
Prince Edward Island | Birthplace of Confederation, The Green Province, Canada's Green Province | white/green sky/black | LL~DDD DDDLL LLDDD DDD~LL
Yukon | The Klondike | white/blue white/red | LLL~DD LLL~DDD
Northwest Territories | Spectacular, Explore Canada's Arctic | sky/blue white/blue | DDDDDD LDDDDD
"""


def _read(table: str) -> list[tuple[str, list[str], list[tuple], list[str]]]:
    out = []
    for line in table.strip().splitlines():
        name, slogans, colours, serials = (part.strip() for part in line.split("|"))
        pairs = [tuple(INKS[word] for word in pair.split("/")) for pair in colours.split()]
        out.append((name, [slogan.strip() for slogan in slogans.split(",")], pairs, [serial.replace("~", " ") for serial in serials.split()]))
    return out


STATES, PROVINCES = _read(_STATES), _read(_PROVINCES)
COUNTIES = "Montgomery Jackson Madison Jefferson Franklin Orange Hinds Rankin Shelby Fulton Gwinnett Cobb Johnson Polk Quitman Lee Douglas Clay B-10 Lancaster Sedgwick Marion".split()

# Vanity texts are made of words and bits of words, because that is what people order.
_BITS = (
    "MY GO 4 U 2 LUV GR8 K9 JEEP BMW FORD HOT ROD BAD BOY GIRL MOM DAD NANA PAPA FUN SUN SKI SURF GOLF FISH DOG CAT HORSE RUN 4X4 V8 GT VET TOY BUG "
    "BEE ACE KING QUEEN LADY MR DR JR SR BIG LIL MAD MAX RED BLU BLK WHT FAST SLO NO YES WE R I IM UR THE ONE TWO TEN 7 11 13 21 69 77 88 99 007 100 USA "
    "TX NY CA FL GA VA XO XOX ZZ ROCK STAR MOON SKY WIND FIRE ICE SNO COLD COOL JAZZ BLUES GUITAR MUSIC TEACH NURSE RN MD LAW COP NAVY ARMY USMC VIET "
    "NAM PILOT FLY JET AIR SEA BAY LAKE RVR MTN WOLF BEAR HAWK EAGLE LION TIGER GATOR DUKE UNC TECH BAMA WAR HOKI BRO SIS JOE BOB JIM AMY KIM SUE ANN "
    "LEE RAY MIKE JOHN DAVE ROSE IRIS LILY QT CUTE PIE SWEET HONEY JOY LIFE LIV BLESD GOD JESUS FAITH HOPE PEACE WAY OUT INN MUSL PUP MERC DEZ CRUZ N "
    "THING HEEL TAR WACK PUR ERMNT GUILTY OFICR RIDE WHEEL TURBO ZOOM VROOM HEMI Z28 SS RS TT WRX STI EVO GTI M3 X5 Q7"
).split()


def vanity(rng: np.random.Generator) -> str:
    """A vanity text of 2 to 8 characters, with blanks, as a pattern of very letters (digits as they are)."""
    length = int(rng.choice([2, 3, 4, 5, 6, 7, 8], p=[0.04, 0.07, 0.12, 0.2, 0.24, 0.26, 0.07]))
    blank = rng.random() < 0.35
    text, count = "", 0
    while count < length:
        bit = _BITS[rng.integers(len(_BITS))] if rng.random() < 0.85 else "".join(rng.choice(list("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"), 2))
        bit = bit[: length - count]
        text += (" " if text and blank and rng.random() < 0.7 else "*" if text and rng.random() < 0.04 else "") + bit
        count += len(bit)
    return text.lower()

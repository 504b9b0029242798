"""Writes the tables of ISO 3166 codes, and how many people live in each country, from Unicode CLDR, whose data may be
passed on freely.

Run by hand when a new CLDR is out; `hack/geo.py`, `hack/geo_population.py` and everybody else read what this wrote:

    npm pack cldr-core cldr-localenames-full cldr-subdivisions-full   # unpack each beside the others
    python hack/geo_codes.py DIR                                      # DIR/<name of the package>/package/...

CLDR follows ISO 3166-2 in its codes, but some of its names are those that a code had before ISO gave it away again
(IR in 2020, MA in 2018), are cut short, or are missing. Those are put right here, each after the entry of the
country at https://www.iso.org/obp/ui/#iso:code:3166:XX.
"""

import csv
import json
import pathlib
import sys
from collections.abc import Iterable, Mapping, Sequence

DATA = pathlib.PurePosixPath("operator/isochrone/geo/data")
PEOPLE = pathlib.PurePosixPath("hack/geo_people.csv")

NOT_ASSIGNED = frozenset({"AC", "CP", "CQ", "DG", "EA", "EU", "EZ", "IC", "QO", "TA", "UN", "XA", "XB", "XK", "ZZ"})
"""Two-letter codes that CLDR names although ISO 3166-1 has not assigned them: reserved or private ones."""

NAMES = {
    "AR-C": "City of Buenos Aires",
    "AZ-XA": "Khankendi",
    "CD-BC": "Kongo Central",
    "CN-NM": "Inner Mongolia",
    "FR-CP": "Clipperton Island",
    "GB-LND": "City of London",
    "GB-PTE": "Peterborough",
    "IR-00": "Markazi",
    "IR-01": "Gilan",
    "IR-02": "Mazandaran",
    "IR-03": "East Azerbaijan",
    "IR-04": "West Azerbaijan",
    "IR-05": "Kermanshah",
    "IR-06": "Khuzestan",
    "IR-07": "Fars",
    "IR-08": "Kerman",
    "IR-09": "Razavi Khorasan",
    "IR-10": "Isfahan",
    "IR-11": "Sistan and Baluchestan",
    "IR-12": "Kurdistan",
    "IR-13": "Hamadan",
    "IR-14": "Chaharmahal and Bakhtiari",
    "IR-15": "Lorestan",
    "IR-16": "Ilam",
    "IR-17": "Kohgiluyeh and Boyer-Ahmad",
    "IR-18": "Bushehr",
    "IR-19": "Zanjan",
    "IR-20": "Semnan",
    "IR-21": "Yazd",
    "IR-22": "Hormozgan",
    "IR-23": "Tehran",
    "IR-24": "Ardabil",
    "IR-25": "Qom",
    "IR-26": "Qazvin",
    "IR-27": "Golestan",
    "IR-28": "North Khorasan",
    "IR-29": "South Khorasan",
    "IR-30": "Alborz",
    "MA-01": "Tanger-Tétouan-Al Hoceïma",
    "MA-02": "L'Oriental",
    "MA-03": "Fès-Meknès",
    "MA-04": "Rabat-Salé-Kénitra",
    "MA-05": "Béni Mellal-Khénifra",
    "MA-06": "Casablanca-Settat",
    "MA-07": "Marrakech-Safi",
    "MA-08": "Drâa-Tafilalet",
    "MA-09": "Souss-Massa",
    "MA-10": "Guelmim-Oued Noun",
    "MA-11": "Laâyoune-Sakia El Hamra",
    "MA-12": "Dakhla-Oued Ed-Dahab",
    "MA-FAH": "Fahs-Anjra",
    "MA-FES": "Fès",
    "NO-54": "Troms and Finnmark",
    "NP-P1": "Koshi",
    "NP-P2": "Madhesh",
    "NP-P3": "Bagmati",
    "NP-P4": "Gandaki",
    "NP-P5": "Lumbini",
    "NP-P6": "Karnali",
    "NP-P7": "Sudurpashchim",
    "NZ-MBH": "Marlborough",
    "PE-LMA": "Lima Metropolitan Municipality",
    "PH-COM": "Davao de Oro",
    "RS-25": "Kosovo District",
    "SH-TA": "Tristan da Cunha",
    "SO-BY": "Bay",
    "US-DC": "District of Columbia",
    "VE-X": "La Guaira",
}

GROUPINGS = {
    "GB-EAW": "England and Wales",
    "GB-GBN": "Great Britain",
    "GB-UKM": "United Kingdom",
}
"""Areas in the entry of GB that hold other subdivisions. CLDR leaves them out."""

PARENTS: Mapping[str, Sequence[str]] = {
    # Each grouping of GB lies in the next, so the nearest one is parent enough.
    "GB-GBN": ("GB",),
    "GB-EAW": ("GB-GBN",),
    "GB-ENG": ("GB-EAW",),
    "GB-WLS": ("GB-EAW",),
    "GB-SCT": ("GB-GBN",),
    # Alsace took in its two departments in 2021; CLDR still has them beside it.
    "FR-67": ("FR-6AE",),
    "FR-68": ("FR-6AE",),
    # Listed under NO, but with a country code of their own, which has two parts.
    "NO-21": ("SJ",),
    "NO-22": ("SJ",),
    # Regions that ISO marks `EH` or `EH-partial`: listed under MA, and wholly or partly in Western Sahara.
    "MA-10": ("MA", "EH"),
    "MA-11": ("MA", "EH"),
    "MA-12": ("MA", "EH"),
}

SAME_AS: Mapping[str, Sequence[str]] = {
    # country or subdivision: the subdivision codes under which another country's entry lists it too
    "AS": ("US-AS",),
    "AW": ("NL-AW",),
    "AX": ("FI-01",),
    "BL": ("FR-BL",),
    "BQ-BO": ("NL-BQ1",),
    "BQ-SA": ("NL-BQ2",),
    "BQ-SE": ("NL-BQ3",),
    "CW": ("NL-CW",),
    "GB": ("GB-UKM",),
    "GF": ("FR-973",),
    "GP": ("FR-971",),
    "GU": ("US-GU",),
    "HK": ("CN-HK",),
    "MF": ("FR-MF",),
    "MO": ("CN-MO",),
    "MP": ("US-MP",),
    "MQ": ("FR-972",),
    "NC": ("FR-NC",),
    "PF": ("FR-PF",),
    "PM": ("FR-PM",),
    "PR": ("US-PR",),
    "RE": ("FR-974",),
    "SX": ("NL-SX",),
    "TF": ("FR-TF",),
    "TW": ("CN-TW",),
    "UM": ("US-UM",),
    "VI": ("US-VI",),
    "WF": ("FR-WF",),
    "YT": ("FR-976",),
}

FORMER = {
    # Withdrawn from the entry of FR in 2021, and still written by many.
    "FR-GF": "GF",
    "FR-GP": "GP",
    "FR-MQ": "MQ",
    "FR-RE": "RE",
    "FR-YT": "YT",
}


def load(folder: pathlib.Path, package: str, path: str) -> dict[str, object]:
    document: dict[str, object] = json.loads((folder / package / "package" / path).read_text(encoding="utf-8"))
    return document


def walk(document: object, *keys: str) -> dict[str, object]:
    for key in keys:
        if not isinstance(document, dict):
            raise TypeError(f"no object above {key!r}")
        document = document[key]
    if not isinstance(document, dict):
        raise TypeError(f"{keys[-1]!r} is not an object")
    return document


def iso(cldr: str) -> str:
    """CLDR writes `FR-ARA` as `frara`, and countries as they are."""
    return cldr if cldr.isupper() else f"{cldr[:2].upper()}-{cldr[2:].upper()}"


def countries(folder: pathlib.Path) -> dict[str, tuple[str, str]]:
    """Code -> (alpha-3 code, English name)."""
    territories = load(folder, "cldr-localenames-full", "main/en/territories.json")
    names = walk(territories, "main", "en", "localeDisplayNames", "territories")
    mappings = walk(load(folder, "cldr-core", "supplemental/codeMappings.json"), "supplemental", "codeMappings")
    return {
        code: (str(walk(mappings, code)["_alpha3"]), str(name))
        for code, name in sorted(names.items())
        if len(code) == 2 and code.isalpha() and code not in NOT_ASSIGNED  # noqa: PLR2004 - alpha-2
    }


def subdivisions(folder: pathlib.Path, known: Mapping[str, tuple[str, str]]) -> dict[str, tuple[Sequence[str], str]]:
    """Code -> (the codes it lies within, English name)."""
    document = load(folder, "cldr-subdivisions-full", "subdivisions/en/en.json")
    names = walk(document, "subdivisions", "localeDisplayNames", "subdivisions")
    document = load(folder, "cldr-core", "supplemental/subdivisionContainment.json")
    groups = walk(document, "supplemental", "subdivisionContainment")
    owners = {alias: known[code][1] for code, aliases in SAME_AS.items() if code in known for alias in aliases}
    found: dict[str, tuple[Sequence[str], str]] = {
        code: (PARENTS.get(code, ("GB",)), name) for code, name in GROUPINGS.items()
    }
    for group in groups:
        members = walk(groups, group)["_contains"]
        if not isinstance(members, list):
            raise TypeError(f"{group} has no list of members")
        for member in members:
            code = iso(str(member))
            name = NAMES.get(code) or owners.get(code) or str(names[str(member)])
            found[code] = (PARENTS.get(code, (iso(group),)), name)
    return found


def people(folder: pathlib.Path, known: Iterable[str]) -> dict[str, int]:
    """Country -> how many people live there. Those of AC, DG, IC are in others' numbers, those of XK in none."""
    document = load(folder, "cldr-core", "supplemental/territoryInfo.json")
    territories = walk(document, "supplemental", "territoryInfo")
    return {code: int(str(walk(territories, code)["_population"])) for code in sorted(known)}


def write(path: pathlib.Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def refresh(root: pathlib.Path, folder: pathlib.Path) -> None:
    """Write countries.csv, subdivisions.csv, aliases.csv and people below `root` from the CLDR packages in `folder`."""
    data = root / DATA
    known = countries(folder)
    parts = subdivisions(folder, known)
    write(data / "countries.csv", ("code", "alpha3", "name"), ((c, a, n) for c, (a, n) in sorted(known.items())))
    write(
        data / "subdivisions.csv",
        ("code", "within", "name"),
        ((code, " ".join(within), name) for code, (within, name) in sorted(parts.items())),
    )
    aliases = {alias: code for code, listed in SAME_AS.items() for alias in listed} | FORMER
    write(data / "aliases.csv", ("code", "same_as"), sorted(aliases.items()))
    write(root / PEOPLE, ("code", "people"), people(folder, known).items())


if __name__ == "__main__":
    refresh(pathlib.Path(__file__).resolve().parent.parent, pathlib.Path(sys.argv[1]))

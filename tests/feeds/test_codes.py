"""Code lists: each code once, in words that the store knows, with the document in which it was seen."""

import csv
from pathlib import Path

import pytest

from feeds.schema import PrintFlag
from seeds.conditions import condition_flags, words_of
from seeds.option_venues import opra_letters

SEEDS = Path(__file__).parents[2] / "seeds"
CONDITIONS = sorted(path.stem for path in (SEEDS / "conditions").glob("*.csv"))
LISTS = sorted([*(SEEDS / "conditions").glob("*.csv"), *(SEEDS / "venues").glob("*.csv"), SEEDS / "option_venues.csv"])


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def flags(codes: str, code: str) -> set[str]:
    return {condition_flags()[word] for word in words_of(codes)[code].split(";") if word} - {""}


@pytest.mark.parametrize("path", LISTS, ids=lambda path: path.stem)
def test_each_row_says_where_it_was_seen(path: Path):
    found = rows(path)
    assert found
    assert all(len(row["source"]) > 20 for row in found)
    key = "opra" if path.stem == "option_venues" else "code"
    assert len({row[key] for row in found}) == len(found)


@pytest.mark.parametrize("codes", CONDITIONS)
def test_each_code_is_said_in_words_of_the_store(codes: str):
    known = condition_flags()
    said = {word for words in words_of(codes).values() for word in words.split(";") if word}
    assert said <= set(known)
    assert {known[word] for word in said} <= {"", *PrintFlag.__members__}


OPRA_TYPES = {  # message type: Massive, ThetaData, Cboe, Unusual Whales (OPRA specification v6, 6.01)
    "A": ("201", "40", "40", "canc"), "C": ("203", "41", "41", "cncl"), "E": ("205", "42", "42", "cnco"),
    "G": ("207", "43", "43", "cnol"), "I": ("209", "18", "18", "auto"), "J": ("210", "21", "21", "reop"),
    "S": ("219", "95", "95", "isoi"), "a": ("227", "125", "114", "slan"), "b": ("228", "126", "115", "slai"),
    "c": ("229", "127", "116", "slcn"), "d": ("230", "128", "117", "scli"), "e": ("231", "129", "118", "slft"),
    "f": ("232", "130", "119", "mlet"), "g": ("233", "131", "120", "mlat"), "h": ("234", "132", "121", "mlct"),
    "i": ("235", "133", "122", "mlft"), "j": ("236", "134", "123", "mesl"), "k": ("237", "135", "124", "tlat"),
    "l": ("238", "136", "125", "masl"), "m": ("239", "137", "126", "mfsl"), "n": ("240", "138", "127", "tlet"),
    "o": ("241", "139", "128", "tlct"), "p": ("242", "140", "129", "tlft"), "q": ("243", "141", "130", "tesl"),
    "r": ("244", "142", "131", "tasl"), "s": ("245", "143", "132", "tfsl"), "t": ("246", "144", "133", "cbmo"),
    "u": ("247", "147", "136", "mctp"), "v": ("248", "148", "137", "exht"),
}  # fmt: skip


@pytest.mark.parametrize("kind", OPRA_TYPES)
def test_the_vendors_agree_on_what_an_opra_message_does_to_a_print(kind: str):
    massive, theta, cboe, whales = OPRA_TYPES[kind]
    expected = flags("massive_options", massive)
    assert flags("thetadata", theta) == flags("cboe", cboe) == flags("unusual_whales", whales) == expected


@pytest.mark.parametrize("known_as", ["mic", "cboe", "thetadata"])
def test_no_two_exchanges_share_a_number(known_as: str):
    told = [row[known_as] for row in rows(SEEDS / "option_venues.csv") if row[known_as]]
    assert len(opra_letters(known_as)) == len(told)

"""People's names that fit a place, from Faker's locale pools, without the stock names that models reach for."""

import re
from functools import cache
from typing import Any

from builder.hashing import keyed

_LATIN = re.compile(r"^[A-Za-zÀ-ʯḀ-ỿ'’ -]+$")
_FALLBACK_LOCALE = "en_GB"

# Names that language models overuse; the first seven are the study's own list (METHOD section 3.1).
STOCK_NAMES = frozenset(
    [
        "chen",
        "emily",
        "johnson",
        "martinez",
        "miller",
        "sarah",
        "smith",
        "aisha",
        "alex",
        "amara",
        "anna",
        "aria",
        "arjun",
        "ben",
        "caleb",
        "carlos",
        "clara",
        "daniel",
        "david",
        "elara",
        "elena",
        "eleanor",
        "elias",
        "emma",
        "ethan",
        "finn",
        "hana",
        "iris",
        "jack",
        "james",
        "jamie",
        "jane",
        "jason",
        "jessica",
        "john",
        "jordan",
        "julian",
        "kai",
        "kael",
        "kenji",
        "leo",
        "liam",
        "lily",
        "lina",
        "lucas",
        "lucy",
        "luna",
        "marcus",
        "maria",
        "marie",
        "mark",
        "mary",
        "maya",
        "mei",
        "michael",
        "mia",
        "mira",
        "nadia",
        "nora",
        "olivia",
        "oliver",
        "omar",
        "priya",
        "rachel",
        "raj",
        "ravi",
        "rosa",
        "ryan",
        "sam",
        "sophia",
        "sophie",
        "theo",
        "thomas",
        "thorne",
        "tom",
        "wei",
        "yuki",
        "zara",
        "zoe",
    ]
)


class NamePool:
    """Draws first names, each at most once per plan while the locale has fresh ones."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._used: set[str] = set()

    def draw(self, locale: str | None, how_many: int, *key: object) -> tuple[str, ...]:
        """`how_many` different first names for a Faker locale, chosen by `key` and by what was drawn before."""
        source = _faker(locale or _FALLBACK_LOCALE)
        source.seed_instance(keyed(self._seed, "names", *key).getrandbits(32))
        found: list[str] = []
        spare: list[str] = []
        for _ in range(200):
            name = (source.first_name_female if len(found) % 2 else source.first_name_male)().strip()
            if not _usable(name) or name in found:
                continue
            (spare if name in self._used else found).append(name)
            if len(found) == how_many:
                break
        if len(found) < how_many and locale != _FALLBACK_LOCALE and not spare:
            return self.draw(_FALLBACK_LOCALE, how_many, *key)  # a locale whose names are not in Latin script
        found += [name for name in dict.fromkeys(spare) if name not in found][: how_many - len(found)]
        self._used.update(found)
        return tuple(found)


def _usable(name: str) -> bool:
    parts = name.casefold().replace("-", " ").split()
    return len(name) >= 3 and _LATIN.match(name) is not None and not STOCK_NAMES.intersection(parts)


@cache
def _faker(locale: str) -> Any:  # noqa: ANN401 - Faker has no types
    from faker import Faker

    try:
        return Faker(locale)
    except AttributeError:  # a locale that this version of Faker does not know
        return Faker(_FALLBACK_LOCALE)

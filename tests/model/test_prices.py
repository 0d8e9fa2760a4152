import math
import re
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from builder.errors import InputError
from builder.model.prices import SHIPPED, Price, Prices, dollars, pico
from builder.model.protocol import Usage

RATES = ("input", "output", "cache_write", "cache_read")
tokens = st.integers(0, 3_000_000)
rates = st.integers(0, 10_000 * 10**6).map(lambda micro: Decimal(micro).scaleb(-6))
cards = st.fixed_dictionaries(dict.fromkeys(RATES, rates))
factors = st.integers(0, 10**6).map(lambda micro: Decimal(micro).scaleb(-6))
long_cards = st.fixed_dictionaries({"above": tokens, **dict.fromkeys(RATES, rates)})


@st.composite
def prices(draw: st.DrawFn) -> Price:
    return Price(name="m", batch=draw(factors), long=draw(st.none() | long_cards), **draw(cards))


@st.composite
def usages(draw: st.DrawFn, most_read: int = 3_000_000, most_written: int = 3_000_000) -> Usage:
    read = draw(st.integers(0, most_read))
    first, second = sorted((draw(st.integers(0, read)), draw(st.integers(0, read))))
    return Usage(
        input=first, cache_read=second - first, cache_write=read - second, output=draw(st.integers(0, most_written))
    )


def oracle(price: Price, usage: Usage, batch: bool) -> int:
    """The cost by the definition of the rates, in exact fractions of a dollar and rounded up only at the end."""
    card = price
    if price.long is not None and usage.input + usage.cache_read + usage.cache_write > price.long.above:
        card = price.long
    spent = sum(
        (Fraction(str(getattr(card, kind))) * getattr(usage, kind) / 1_000_000 for kind in RATES), start=Fraction()
    )
    return math.ceil(spent * (Fraction(str(price.batch)) if batch else 1) * 10**12)


def write(folder: Path, *models: str, head: str = "schema: 1\nas_of: 2026-01-31\nsource: invoice\n") -> Path:
    path = folder / "prices.yaml"
    path.write_text(head + "models:\n" + "".join(f"  - {{{model}}}\n" for model in models), encoding="utf-8")
    return path


ENTRY = "name: m, input: 3, output: 15, cache_write: 3.75, cache_read: 0.3"


@given(prices(), usages(), st.booleans())
def test_a_cost_is_the_exact_sum_rounded_up(price: Price, usage: Usage, batch: bool) -> None:
    assert price.cost(usage, batch=batch) == oracle(price, usage, batch)


@given(st.data(), prices(), tokens, tokens, st.booleans())
def test_nothing_costs_more_than_the_worst_case(
    data: st.DataObject, price: Price, most_read: int, most_written: int, batch: bool
) -> None:
    usage = data.draw(usages(most_read, most_written))
    assert price.cost(usage, batch=batch) <= price.worst_case(most_read, most_written, batch=batch)


@given(prices(), tokens, tokens, st.booleans())
def test_the_worst_case_can_happen(price: Price, most_read: int, most_written: int, batch: bool) -> None:
    """It is no looser than it must be: a call of one kind of input, short or as long as may be, costs just that."""
    edge = min(most_read, price.long.above) if price.long else most_read
    reachable = [
        oracle(price, Usage(**{kind: size}, output=most_written), batch)
        for kind in ("input", "cache_write", "cache_read")
        for size in (most_read, edge)
    ]
    assert price.worst_case(most_read, most_written, batch=batch) == max(reachable)


def test_the_long_band_begins_above_its_edge_and_counts_all_that_goes_in() -> None:
    price = Price(
        name="m", input=1, output=2, cache_write=3, cache_read=4,
        long={"above": 100, "input": 10, "output": 20, "cache_write": 30, "cache_read": 40},
    )  # fmt: skip
    assert price.cost(Usage(input=100, output=5000)) == (100 + 10_000) * 10**6
    assert price.cost(Usage(input=101)) == 1010 * 10**6
    assert price.cost(Usage(input=40, cache_read=30, cache_write=30)) == (40 + 120 + 90) * 10**6
    assert price.cost(Usage(input=41, cache_read=30, cache_write=30, output=1)) == (410 + 1200 + 900 + 20) * 10**6
    assert price.worst_case(100, 1) == 402 * 10**6
    assert price.worst_case(101, 1) == 4060 * 10**6


def test_a_cheaper_long_band_does_not_lower_the_worst_case() -> None:
    price = Price(
        name="m", input=9, output=9, cache_write=9, cache_read=9,
        long={"above": 100, "input": 1, "output": 1, "cache_write": 1, "cache_read": 1},
    )  # fmt: skip
    assert price.worst_case(101, 10) == 110 * 9 * 10**6


def test_half_a_picodollar_is_rounded_up() -> None:
    price = Price(name="m", input=Decimal("0.000001"), output=0, cache_write=0, cache_read=0, batch=0.5)
    assert [price.cost(Usage(input=count), batch=True) for count in range(4)] == [0, 1, 1, 2]


@given(st.integers(-(10**23), 10**23))
@example(1)
def test_dollars_as_text_come_back_exactly(amount: int) -> None:
    sign, digits = "-" * (amount < 0), f"{abs(amount):013d}"
    assert pico(f"{sign}{digits[:-12]}.{digits[-12:]}") == amount
    assert dollars(amount) == float(Fraction(amount, 10**12))


@given(st.decimals(-1000, 1000, places=15))
def test_text_is_rounded_half_to_even(amount: Decimal) -> None:
    assert pico(str(amount)) == round(Fraction(amount) * 10**12)


@given(st.floats(-1e9, 1e9))
def test_a_float_counts_as_it_is_written(amount: float) -> None:
    assert pico(amount) == round(Fraction(repr(amount)) * 10**12)


def test_conversions_by_hand() -> None:
    assert (pico("12.50"), pico(0.1), pico("2.5e-12"), pico("3.5e-12")) == (12_500_000_000_000, 10**11, 2, 4)
    assert (pico("1e-999999999"), pico("0.4999999999999e-12"), pico("0.50000000000000000000000000000001e-12")) == (
        0, 0, 1,
    )  # fmt: skip
    assert dollars(12_345_678_900_000) == 12.3456789


@pytest.mark.parametrize("amount", ["", "ten", "1/3", "nan", "inf", float("nan"), float("-inf"), "1e13", "1e99999999"])
def test_what_is_no_amount_of_dollars(amount: str | float) -> None:
    with pytest.raises(InputError, match="is not an amount of dollars"):
        pico(amount)


@given(rate=st.integers(0, 10_000 * 10**6))
@example(rate=100_000)
@example(rate=1)
@example(rate=9_999_999_999)
def test_a_rate_in_a_file_is_exact(rate: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.getbasetemp() / "rates"
    folder.mkdir(exist_ok=True)
    written = f"{rate // 10**6}.{rate % 10**6:06d}"
    price = Prices.load(write(folder, f"name: m, input: {written}, output: 0, cache_write: 0, cache_read: 0"))
    assert price.price_of("m").cost(Usage(input=1)) == rate


def test_the_shipped_table_is_sane() -> None:
    shipped = Prices.shipped()
    assert shipped.paths == (SHIPPED,)
    assert shipped.as_of >= date(2026, 11, 12)
    for name, price in shipped.models.items():
        bands = [price, price.long] if price.long else [price]
        for band in bands:
            assert 0 < band.cache_read < band.input < band.cache_write, name
            assert band.output > band.input, name
            assert band.cache_write == band.input * Decimal("1.25"), name
        assert price.batch == Decimal("0.5"), name
        assert price.cache_minimum in (None, 512, 1024, 2048, 4096), name
        assert not re.search(r"-[0-9]{8}$", name), f"{name} would hide a user's price for the name without the day"
        if price.long:
            assert all(getattr(price.long, kind) > getattr(price, kind) for kind in RATES), name


def test_a_million_tokens_of_each_kind_at_published_prices() -> None:
    shipped, million = Prices.shipped(), 1_000_000
    opus = shipped.price_of("claude-opus-5-5")
    assert dollars(opus.cost(Usage(million, million, million, million))) == 4 + 20 + 0.20 + 5
    assert dollars(opus.cost(Usage(million, million), batch=True)) == 12
    haiku = shipped.price_of("claude-haiku-5-5")
    assert dollars(haiku.cost(Usage(input=100_000, output=million))) == 0.51
    assert dollars(haiku.cost(Usage(input=100_001, output=million))) == 2.5500005


def test_a_day_behind_a_name_is_looked_past() -> None:
    shipped = Prices.shipped()
    assert shipped.price_of("claude-haiku-4-5-20251001") == shipped.price_of("claude-haiku-4-5")
    for model in ("claude-haiku-4-5-2025100", "claude-haiku-4-5-202510011", "claude-haiku-4-5-latest", "claude-haiku",
                  "claude-haiku-4-5-20251001-20251001", "claude-haiku-4-5-٢٠٢٥١٠٠١", "Claude-haiku-4-5", ""):  # fmt: skip
        with pytest.raises(InputError, match="no price is known"):
            shipped.price_of(model)


def test_a_users_prices_win(tmp_path: Path) -> None:
    shipped = Prices.shipped()
    mine = Prices.load(write(tmp_path, ENTRY, ENTRY.replace("m,", "claude-haiku-4-5,")))
    both = shipped.overridden_by(mine)
    assert both.price_of("m").cost(Usage(output=1)) == 15 * 10**6
    assert both.price_of("claude-haiku-4-5").input == both.price_of("claude-haiku-4-5-20251001").input == 3
    assert both.price_of("claude-opus-5") == shipped.price_of("claude-opus-5")
    assert both.as_of == date(2026, 1, 31)
    assert both.paths == (tmp_path / "prices.yaml", SHIPPED)
    assert "m" not in shipped.models


def test_a_users_price_without_a_day_wins_over_one_with_it(tmp_path: Path) -> None:
    dated = Prices.load(write(tmp_path, ENTRY.replace("m,", "m-20250101,").replace("15", "99")))
    both = dated.overridden_by(Prices.load(write(tmp_path, ENTRY)))
    assert both.price_of("m-20250101").output == 15


def test_free_costs_nothing() -> None:
    free = Prices.free()
    price = free.price_of("anything at all")
    assert price.cost(Usage(1, 2, 3, 4)) == price.worst_case(10**6, 10**6, batch=True) == 0
    assert free.as_of is None
    assert Prices.shipped().overridden_by(free).price_of("claude-opus-5").output == 0


def test_optional_keys_fall_back_to_what_costs_more(tmp_path: Path) -> None:
    price = Prices.load(write(tmp_path, ENTRY)).price_of("m")
    assert (price.batch, price.cache_minimum, price.long) == (1, None, None)


def test_an_unknown_model_says_how_to_give_its_price_and_the_example_works(tmp_path: Path) -> None:
    model = 'claude-opus-5-6: "é"'
    with pytest.raises(InputError) as caught:
        Prices.shipped().price_of(model)
    sentence = str(caught.value)
    assert repr(model) in sentence
    assert str(SHIPPED) in sentence
    assert "`model: {prices: prices.yaml}` in build.yaml" in sentence
    assert "`model: {prices: free}`" in sentence
    written = re.search(r"`(\{schema.*\})`, or", sentence)
    assert written
    path = tmp_path / "prices.yaml"
    path.write_text(written[1], encoding="utf-8")
    assert Prices.shipped().overridden_by(Prices.load(path)).price_of(model).output == 15
    with pytest.raises(InputError, match="; did you mean 'claude-opus-4-8'"):
        Prices.shipped().price_of("claude-opus-48")


@pytest.mark.parametrize("rate", ["-1", "-0.5", ".nan", ".inf", "-.inf", "10000.1", "1e9", "1.0e+9", "0.1234567",
                                  "true", "'3'", "[3]", "4.9e-324", "9" * 400, ""])  # fmt: skip
def test_an_impossible_rate_is_refused_at_its_place(rate: str, tmp_path: Path) -> None:
    path = write(tmp_path, ENTRY, ENTRY.replace("name: m, input: 3", f"name: n, input: {rate}"))
    with pytest.raises(InputError) as caught:
        Prices.load(path)
    wanted = "'input' should be dollars per million tokens, a number from 0 to 10000 with at most six decimals, found "
    assert str(caught.value).startswith(f"{path}:6:15: {wanted}")


@pytest.mark.parametrize(
    ("entry", "at", "words"),
    [
        ("name: m, input: 3", "{", "model 1 lacks 'output'"),
        ("input: 3, output: 15, cache_write: 3.75, cache_read: 0.3", "{", "model 1 lacks 'name'"),
        (ENTRY.replace("name: m", 'name: ""'), "name", "'name' in model 1 is empty"),
        (ENTRY + ", cahce_minimum: 9", "cahce", "unknown key 'cahce_minimum' in model 1; did you mean 'cache_minimum'"),
        (ENTRY + ", batch: 2", "batch", "'batch' should be the factor on the rates of a batch, a number from 0 to 1"),
        (ENTRY + ", cache_minimum: -1", "cache_minimum", "should be at least 0, found the number -1"),
        (ENTRY + ", cache_minimum: true", "cache_minimum", "should be a whole number"),
        (ENTRY + ", long: {above: 9, input: 3}", "long", "lacks 'output'"),
        (ENTRY + ", long: {above: 9, ink: 3, input: 1, output: 1, cache_write: 1, cache_read: 1}", "ink", "key 'ink'"),
        (ENTRY + ", long: {above: 9, input: 1, output: -1, cache_write: 1, cache_read: 1}", "output: -", "found -1"),
    ],
)
def test_a_wrong_entry_is_refused_at_its_place(entry: str, at: str, words: str, tmp_path: Path) -> None:
    path = write(tmp_path, entry)
    column = path.read_text(encoding="utf-8").splitlines()[4].index(at) + 1
    with pytest.raises(InputError) as caught:
        Prices.load(path)
    assert str(caught.value).startswith(f"{path}:5:{column}: ")
    assert words in str(caught.value)


def test_a_name_that_stands_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"prices\.yaml:7:6: model 'm' stands twice"):
        Prices.load(write(tmp_path, ENTRY, ENTRY.replace("m,", "n,"), ENTRY))


@pytest.mark.parametrize(
    ("head", "words"),
    [
        ("schema: 2\nas_of: 2026-01-31\nsource: s\n", ":1:1: 'schema' in the file should be 1"),
        ("schema: 1\nas_of: yesterday\nsource: s\n", ":2:1: 'as_of' should be a day such as 2026-01-31, found 'y"),
        ("schema: 1\nas_of: 20260131\nsource: s\n", ":2:1: 'as_of' should be a day"),
        ("schema: 1\nas_of: 2026-01-31\n", ":1:1: the file lacks 'source'"),
        ("schema: 1\nas_of: 2026-01-31\nsource: s\ncurrency: EUR\n", ":4:1: unknown key 'currency'"),
    ],
)
def test_a_wrong_head_is_refused_at_its_line(head: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        Prices.load(write(tmp_path, ENTRY, head=head))
    assert words in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        Prices.load(tmp_path / "no.yaml")

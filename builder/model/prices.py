"""What calls cost, in whole picodollars (10^-12 dollar): every rate is a whole number of them a token, so sums hold.

The shipped table `prices.yaml` lies beside this module; a user's own table in the same shape wins over it.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_EVEN, Context, Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictInt, ValidationInfo, field_validator

from builder.errors import InputError, nearest
from builder.model.protocol import Usage
from builder.placed_yaml import InvalidFile, load_yaml, validate

PICO = 10**12  # picodollars in a dollar
SHIPPED = Path(__file__).with_name("prices.yaml")
_MICRO = 10**6  # a rate in dollars per million tokens times this is picodollars a token
_DEAREST_RATE = 10_000
_MOST_DOLLARS = 10**12
_EXACT = Context(prec=60)
_Tokens = Annotated[StrictInt, Field(ge=0)]


def dollars(pico: int) -> float:
    """Picodollars as dollars, for people to read; not for sums."""
    return pico / PICO


def pico(dollars: float | str) -> int:
    """Dollars as picodollars: the number as written in decimals, rounded half to even.

    Raises:
        InputError: if it is no finite amount, or not below a million million dollars.
    """
    try:
        amount = Decimal(str(dollars))
        if abs(amount) < _MOST_DOLLARS:
            return int(amount.quantize(Decimal(1).scaleb(-12), ROUND_HALF_EVEN, _EXACT).scaleb(12, _EXACT))
    except ArithmeticError:
        pass
    raise InputError(f"{str(dollars)[:40]!r} is not an amount of dollars; write a number such as 12.50")


class Rates(BaseModel):
    """Dollars per million tokens, exact to the sixth decimal. `cache_write` is for the 5-minute cache."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    input: Decimal
    output: Decimal
    cache_write: Decimal
    cache_read: Decimal

    @field_validator("input", "output", "cache_write", "cache_read", mode="before")
    @classmethod
    def _rate(cls, value: Any, info: ValidationInfo) -> Decimal:  # noqa: ANN401 - any YAML value
        return _decimal(value, f"{info.field_name!r} should be dollars per million tokens", _DEAREST_RATE)

    def sum_of(self, usage: Usage) -> int:
        """The usage at these rates, in picodollars."""
        return (
            usage.input * _micro(self.input)
            + usage.output * _micro(self.output)
            + usage.cache_write * _micro(self.cache_write)
            + usage.cache_read * _micro(self.cache_read)
        )


class LongRates(Rates):
    """What every token of a call costs, those that come out too, whose whole input is more than `above` tokens."""

    above: _Tokens


class Price(Rates):
    """The rates of one model. `batch` is the factor on all of them in a batch.

    `cache_minimum` is the length in tokens below which a prefix is never cached; None where it is not known.
    """

    name: str = Field(min_length=1)
    batch: Decimal = Decimal(1)
    cache_minimum: _Tokens | None = None
    long: LongRates | None = None

    @field_validator("batch", mode="before")
    @classmethod
    def _factor(cls, value: Any) -> Decimal:  # noqa: ANN401 - any YAML value
        return _decimal(value, "'batch' should be the factor on the rates of a batch", 1)

    @property
    def free(self) -> bool:
        """Whether calls cost nothing."""
        return not any((self.input, self.output, self.cache_write, self.cache_read, self.long))

    def cost(self, usage: Usage, *, batch: bool = False) -> int:
        """What a call with this usage costs, in picodollars, rounded up."""
        read = usage.input + usage.cache_read + usage.cache_write
        rates = self.long if self.long and read > self.long.above else self
        total = rates.sum_of(usage)
        return -(-total * _micro(self.batch) // _MICRO) if batch else total

    def worst_case(self, input_tokens: int, max_output: int, *, batch: bool = False) -> int:
        """The most a call can cost, in picodollars, whatever the cache does and whichever band applies.

        `input_tokens` bounds all the tokens that go in, cached or not, and `max_output` those that come out.
        """
        most = input_tokens
        worst: list[Usage] = []
        # No band need be the dearer one, so the most that still falls below the long band is looked at as well.
        for size in {most, min(most, self.long.above)} if self.long else {most}:
            worst.append(Usage(input=size, output=max_output))
            worst.append(Usage(cache_write=size, output=max_output))
            worst.append(Usage(cache_read=size, output=max_output))
        return max(self.cost(usage, batch=batch) for usage in worst)


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_: Literal[1] = Field(alias="schema")
    as_of: date
    source: str = Field(min_length=1)
    models: tuple[Price, ...] = Field(min_length=1)

    @field_validator("as_of", mode="before")
    @classmethod
    def _day(cls, value: Any) -> date:  # noqa: ANN401 - any YAML value
        try:
            return date.fromisoformat(value)
        except (TypeError, ValueError):
            raise ValueError(f"'as_of' should be a day such as 2026-01-31, found {value!r}") from None


@dataclass(frozen=True, slots=True)
class Prices:
    """Prices by model name. `as_of` is the day of the oldest table among them; None where everything is free."""

    models: Mapping[str, Price]
    as_of: date | None
    paths: tuple[Path, ...] = ()
    otherwise: Price | None = field(default=None, kw_only=True)

    @classmethod
    def shipped(cls) -> "Prices":
        """The table that comes with Exempla."""
        return cls.load(SHIPPED)

    @classmethod
    def load(cls, path: Path) -> "Prices":
        """Read a table of prices.

        Raises:
            InputError: if it cannot be read, or with the line of every unknown key, impossible rate and repeated name.
        """
        placed = load_yaml(path)
        table = validate(placed, _Table)
        models: dict[str, Price] = {}
        for index, price in enumerate(table.models):
            if price.name in models:
                sentence = f"model {price.name!r} stands twice; delete one of its prices"
                raise InvalidFile([placed.problem(("models", index, "name"), sentence)])
            models[price.name] = price
        return cls(models, table.as_of, (path,))

    @classmethod
    def free(cls) -> "Prices":
        """Everything costs nothing, as on a server of one's own."""
        return cls({}, None, otherwise=Price(name="free", input=0, output=0, cache_write=0, cache_read=0))

    def overridden_by(self, other: "Prices") -> "Prices":
        """These prices where `other` has none for a model."""
        kept = {name: price for name, price in self.models.items() if other._find(name) is None}
        days = [prices.as_of for prices in (self, other) if prices.as_of]
        return Prices(
            {**kept, **other.models},
            min(days, default=None),
            (*other.paths, *self.paths),
            otherwise=other.otherwise or self.otherwise,
        )

    def price_of(self, model: str) -> Price:
        """The price of a model by its name, or by its name with a day of eight digits behind it.

        Raises:
            InputError: if there is none, saying how to give one.
        """
        price = self._find(model)
        if price:
            return price
        name = json.dumps(model, ensure_ascii=False)
        entry = f"{{name: {name}, input: 3, output: 15, cache_write: 3.75, cache_read: 0.3}}"
        raise InputError(
            f"no price is known for model {model!r} in {' or '.join(map(str, self.paths))};"
            " say `model: {prices: prices.yaml}` in build.yaml and write its dollars per million tokens to that file,"
            f" such as `{{schema: 1, as_of: {self.as_of}, source: invoice, models: [{entry}]}}`,"
            f" or say `model: {{prices: free}}` for a server of your own"
            f"{nearest(model, list(self.models))}"
        )

    def _find(self, model: str) -> Price | None:
        dated = re.fullmatch(r"(.+)-[0-9]{8}", model)
        return self.models.get(model) or (self.models.get(dated[1]) if dated else None) or self.otherwise


def _decimal(value: Any, wanted: str, most: int) -> Decimal:  # noqa: ANN401 - any YAML value
    """A number from 0 to `most` as written, with so few decimals that a token's share is whole.

    Raises:
        ValueError: if it is anything else, saying what was `wanted`.
    """
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        number = Decimal(str(value))
        if number.is_finite() and 0 <= number <= most and number == round(number, 6):
            return number
    raise ValueError(f"{wanted}, a number from 0 to {most} with at most six decimals, found {value!r}")


def _micro(number: Decimal) -> int:
    return int(number * _MICRO)

"""Reading a constitution from its YAML file, every mistake named with its line."""

from pathlib import Path

from builder.constitution.references import broken_references
from builder.constitution.schema import Constitution
from builder.placed_yaml import InvalidFile, PlacedYaml, load_yaml, validate


def load_constitution(path: Path | str) -> Constitution:
    """The constitution in a YAML file.

    Raises:
        InputError: if the file cannot be read.
        InvalidFile: with every mistake in it, in file order.
    """
    return constitution_from(load_yaml(Path(path)))


def constitution_from(placed: PlacedYaml) -> Constitution:
    """The constitution in a file that was read already.

    Raises:
        InvalidFile: with every mistake in it, in file order.
    """
    broken = broken_references(placed.value)
    problems = [placed.problem(where, sentence) for where, sentence in broken]
    sentences = {sentence for _, sentence in broken}
    try:
        constitution = validate(placed, Constitution)
    except InvalidFile as invalid:
        problems += [problem for problem in invalid.problems if problem.sentence not in sentences]
        raise InvalidFile(sorted(problems, key=lambda found: (found.line, found.column))) from None
    return constitution

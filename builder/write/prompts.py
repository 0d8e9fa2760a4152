"""Prompts are files: `stories/prompts/FAMILY/STAGE.md`, rendered by Jinja2 with nothing left undefined."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from builder.errors import InputError, first_line
from builder.hashing import content_id, sha256_text
from builder.placed_yaml import read_text

if TYPE_CHECKING:
    from jinja2.runtime import Context


class Prompts:
    """A folder of prompts. Each template has the blocks `system` and `user` and may extend `base.md`."""

    def __init__(self, folder: Path) -> None:
        from jinja2 import FileSystemLoader, StrictUndefined
        from jinja2.sandbox import ImmutableSandboxedEnvironment

        self.folder = folder
        self._environment = ImmutableSandboxedEnvironment(
            loader=FileSystemLoader(folder),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=False,
            autoescape=False,
        )
        self._digests: dict[tuple[str, str], str] = {}

    def render(self, family: str, stage: str, variables: Mapping[str, Any]) -> tuple[str, str]:
        """The system prompt and the user prompt of a stage.

        Raises:
            InputError: if the file or one that it includes is missing, or cannot be rendered, with the line if known.
        """
        from jinja2 import TemplateNotFound

        name = f"{family}/{stage}.md"
        if not (self.folder / name).is_file():
            raise InputError(f"{self.folder / name} does not exist; every step of a family needs its prompt")
        try:
            template = self._environment.get_template(name)
            context = template.new_context(dict(variables))
            for _ in template.root_render_func(context):  # resolves `extends`, which fills in the inherited blocks
                pass
            return _block(context, "system", name), _block(context, "user", name)
        except InputError:
            raise
        except TemplateNotFound as error:
            lacking = f"it includes or extends {error.name!r}, which is not in {self.folder}"
            raise InputError(f"prompt {self.folder / name}: {lacking}; correct the name") from None
        except UnicodeDecodeError:
            for path in (self.folder / name, *sorted(self.folder.rglob("*.md"))):
                read_text(path)  # which says where the byte is
            raise InputError(
                f"prompt {self.folder / name}: a file it includes is not UTF-8; save it as UTF-8"
            ) from None
        except Exception as error:  # noqa: BLE001 - a template is a program of the user's, and any error is its own
            raise InputError(f"prompt {self._place(error, name)}: {_reason(error)}; mend the template") from None

    def block(self, family: str, name: str, block: str, variables: Mapping[str, Any]) -> str:
        """One block of a prompt, rendered by itself; empty where the prompt has no such block.

        Raises:
            InputError: if it cannot be rendered from these variables alone.
        """
        template = self._environment.get_template(f"{family}/{name}.md")
        if block not in template.blocks:
            return ""
        try:
            return "".join(template.blocks[block](template.new_context(dict(variables)))).strip()
        except Exception as error:  # noqa: BLE001 - a template is a program of the user's, and any error is its own
            place = self._place(error, f"{family}/{name}.md")
            raise InputError(f"prompt {place}: block {block!r} must stand by itself: {_reason(error)}") from None

    def has(self, family: str, name: str) -> bool:
        """Whether there is such a prompt."""
        return (self.folder / family / f"{name}.md").is_file()

    def _place(self, error: Exception, name: str) -> str:
        """The template's file and, as far as it is known, the line that an error comes from."""
        line = getattr(error, "lineno", None)
        trace = error.__traceback__
        while trace:
            template = trace.tb_frame.f_globals.get("__jinja_template__")
            if template is not None:
                name, line = template.name, template.get_corresponding_lineno(trace.tb_lineno)
            trace = trace.tb_next
        return f"{self.folder / (getattr(error, 'name', None) or name)}{f':{line}' if line else ''}"

    def sha256(self, family: str, stage: str) -> str:
        """The sha256 of a stage's template together with `base.md` and whatever else lies beside it."""
        key = (family, stage)
        if key not in self._digests:
            shared = "".join(read_text(path) for path in sorted(self.folder.glob("*.md")))
            self._digests[key] = sha256_text(shared + read_text(self.folder / family / f"{stage}.md"))
        return self._digests[key]

    def digest(self, prompts: Mapping[str, Sequence[str]]) -> str:
        """One id for all the prompts that a build uses, by family."""
        named = [[family, name, self.sha256(family, name)] for family, names in prompts.items() for name in names]
        return content_id(named, 64)


def _reason(error: Exception) -> str:
    return "it includes or calls itself without end" if isinstance(error, RecursionError) else first_line(error)


def _block(context: "Context", block: str, name: str) -> str:
    if block not in context.blocks:
        raise InputError(f"prompt {name} has no block {block!r}; write {{% block {block} %}} … {{% endblock %}}")
    return "".join(context.blocks[block][0](context)).strip()

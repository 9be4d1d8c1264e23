"""The files of a tokenizer as transformers saves them, read without it: nothing is fetched, unpickled or imported.

`tokenizer.json` is the tokenizer; beside it `tokenizer_config.json` names special tokens and may hold the chat
template, which `chat_template.jinja` and `additional_chat_templates/` take the place of. Code that a folder brings is
never run. Which special tokens a text begins and ends with, tokenizer.json alone says, as in transformers. A tokenizer
whose class there builds itself anew, unlike its tokenizer.json, is counted as the file has it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import orjson

from ledger.digest import blake3_bytes, show
from ledger.errors import BadRequest, TokenizerUnreadable
from ledger.exporters.chat_template import CLOCK, BadTemplate, compile_template

MISSING = 'Counting tokens needs packages that are not installed: pip install "sample-ledger[tokenizer]"'
FILE = "tokenizer.json"
_MOST = 256 << 20
"""Bytes of one file. The largest vocabularies take some 40 MB."""
_CONFIG = "tokenizer_config.json"
_TEMPLATE = "chat_template.jinja"
_FURTHER = "additional_chat_templates"
_NAMED = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")
_ADDED = ("lstrip", "normalized", "rstrip", "single_word", "special")

Render = Callable[[Mapping[str, Any]], str]


@dataclass(frozen=True, slots=True)
class Loaded:
    """A tokenizer, its named special tokens, its chat templates, and what a manifest says of it."""

    path: Path
    tokenizer: Any  # a class of an optional package
    special_tokens: Mapping[str, str]
    templates: Mapping[str, Render]
    identity: dict[str, Any] = field(default_factory=dict)

    def template(self, *, with_tools: bool) -> Render | None:
        """Return what renders a conversation; None where there is no chat template."""
        if with_tools and "tool_use" in self.templates:
            return self.templates["tool_use"]
        return self.templates.get("default")

    def encode(self, texts: Sequence[str], special_tokens: bool) -> list[Any]:  # noqa: FBT001 - as tokenizers has it
        """Return the encoding of each text, with its length and `ids`; raise TokenizerUnreadable where one fails."""
        whole = [text.encode("utf-8", "replace").decode() for text in texts]  # halves of characters are none
        with _plain_errors(self.path, "it does not encode what a tokenizer must"):
            return list(self.tokenizer.encode_batch_fast(whole, add_special_tokens=special_tokens))


def read_tokenizer(path: Path) -> Loaded:
    """Return the tokenizer in a file or a folder; raise TokenizerUnreadable, BadRequest (no packages).

    What stands beside a `tokenizer.json` belongs to it; a file of another name stands alone.
    """
    if find_spec("tokenizers") is None or find_spec("jinja2") is None:
        raise BadRequest(MISSING)
    file = _place(path)
    folder = file.parent if file.name == FILE else None
    body = _read(path, file) or b""
    config = {} if folder is None else _config(path, folder / _CONFIG)
    texts = {} if folder is None else _template_texts(path, folder, config)
    special = _special_tokens(config)
    if texts and "default" not in texts:
        raise TokenizerUnreadable(path, f"it has the chat templates {', '.join(sorted(texts))}, but no `default`")
    identity = {
        "by": "tokenizer",
        "name": _clean(file.name),
        "blake3": show(blake3_bytes(body)),
        "template": _digest_of(texts),
        **({"clock": CLOCK.date().isoformat()} if any("strftime_now" in text for text in texts.values()) else {}),
    }
    templates = {name: _compiled(path, name, text) for name, text in texts.items()}
    return Loaded(path, _tokenizer(path, body, config, special), special, templates, identity)


def _place(path: Path) -> Path:
    """Return where the tokenizer.json stands."""
    if "\0" in str(path):
        raise TokenizerUnreadable(str(path).replace("\0", "\\0"), "its path holds a NUL byte")
    try:
        file = path / FILE if path.is_dir() else path
        if not file.exists():
            raise TokenizerUnreadable(path, "there is no such file" if file is path else f"it holds no {FILE}")
        if not file.is_file():
            raise TokenizerUnreadable(path, "it is no plain file")
    except OSError as error:
        raise TokenizerUnreadable(path, error.strerror) from error
    return file


def _read(path: Path, file: Path) -> bytes | None:
    """Return the bytes of a file, None where it is not there."""
    try:
        with file.open("rb") as opened:
            body = opened.read(_MOST + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise TokenizerUnreadable(path, f"{file.name}: {error.strerror}") from error
    if len(body) > _MOST:
        raise TokenizerUnreadable(path, f"{file.name} has over {_MOST:,} bytes")
    return body


def _text(path: Path, file: Path) -> str | None:
    body = _read(path, file)
    try:
        return None if body is None else body.decode()
    except UnicodeDecodeError as error:
        raise TokenizerUnreadable(path, f"{file.name} is not UTF-8 at byte {error.start}") from error


def _config(path: Path, file: Path) -> dict[str, Any]:
    text = _text(path, file)
    try:
        found = {} if text is None else orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise TokenizerUnreadable(path, f"{file.name} is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise TokenizerUnreadable(path, f"{file.name} is not a JSON object")
    return found


def _template_texts(path: Path, folder: Path, config: dict[str, Any]) -> dict[str, str]:
    """Return the chat templates by name: those of files if there are any, else those of the configuration."""
    texts = {}
    if (text := _text(path, folder / _TEMPLATE)) is not None:
        texts["default"] = text
    try:
        further = sorted((folder / _FURTHER).glob("*.jinja"))
    except OSError as error:
        raise TokenizerUnreadable(path, f"{_FURTHER}: {error.strerror}") from error
    for file in further:
        if (text := _text(path, file)) is not None:
            texts[file.name.removesuffix(".jinja")] = text
    said = config.get("chat_template")
    if texts or said is None:
        return texts
    if isinstance(said, str):
        return {"default": said}
    named = said.items() if isinstance(said, dict) else [_named(one) for one in said] if isinstance(said, list) else ()
    found = dict(named)
    if not found or not all(isinstance(name, str) and isinstance(text, str) for name, text in found.items()):
        raise TokenizerUnreadable(path, "its chat_template is neither text nor a list of {name, template}")
    return found


def _named(one: Any) -> tuple[Any, Any]:  # noqa: ANN401 - any JSON value
    if not isinstance(one, dict) or not isinstance(name := one.get("name"), str):
        return "default", None
    return name, one.get("template")


def _special_tokens(config: dict[str, Any]) -> dict[str, str]:
    """Return the named special tokens, as templates see them; padding is the end where there is none, as TRL has it."""
    found = {}
    for key in (*_NAMED, *(key for key in config if key.endswith("_token") and key not in _NAMED)):
        token = config.get(key)
        content = token.get("content") if isinstance(token, dict) else token
        if isinstance(content, str):
            found[key] = content
    return {"pad_token": found["eos_token"], **found} if "eos_token" in found else found


def _compiled(path: Path, name: str, text: str) -> Render:
    try:
        return compile_template(text)
    except BadTemplate as error:
        raise TokenizerUnreadable(path, f"its chat template `{_clean(name)}` is none, {error}") from error


def _tokenizer(path: Path, body: bytes, config: dict[str, Any], special: Mapping[str, str]) -> Any:  # noqa: ANN401 - a class of an optional package
    """Return the tokenizer, without cutting or padding, and with the tokens that its configuration adds."""
    from tokenizers import Tokenizer  # noqa: PLC0415 - optional

    with _plain_errors(path, "it is damaged"):
        made = Tokenizer.from_str(body.decode())
        made.no_truncation()
        made.no_padding()
        _add_tokens(made, config, special)
        made.encode_batch_fast(["a"], add_special_tokens=False)
    return made


def _add_tokens(made: Any, config: dict[str, Any], special: Mapping[str, str]) -> None:  # noqa: ANN401 - likewise
    """Add the tokens that only the configuration names, as transformers does."""
    from tokenizers import AddedToken  # noqa: PLC0415 - optional

    known = {token.content for token in made.get_added_tokens_decoder().values()}
    listed = config.get("added_tokens_decoder")
    entries = [one for _, one in sorted(listed.items(), key=_number)] if isinstance(listed, dict) else []
    further = config.get("extra_special_tokens") or config.get("additional_special_tokens") or []
    entries += [*special.values(), *(further if isinstance(further, list) else further.values())]
    for entry in entries:
        content = entry.get("content") if isinstance(entry, dict) else entry
        if isinstance(content, str) and content and content not in known:
            flags = {key: entry[key] for key in _ADDED if key in entry} if isinstance(entry, dict) else {}
            made.add_tokens([AddedToken(content, **{"special": True, **flags})])
            known.add(content)


def _number(item: tuple[str, Any]) -> int:
    return int(item[0])


def _digest_of(texts: Mapping[str, str]) -> str | None:
    """Return the digest of the chat template; of several, that of their names and texts in order."""
    if not texts:
        return None
    one = texts["default"] if texts.keys() == {"default"} else orjson.dumps(sorted(texts.items())).decode()
    return show(blake3_bytes(one.encode("utf-8", "surrogatepass")))


def _clean(name: str) -> str:
    """Return a name that restricted JSON and a terminal can hold."""
    return name.encode("ascii", "replace").decode()[:200]


@contextmanager
def _plain_errors(path: Path, what: str) -> Iterator[None]:
    """Turn whatever the package raises into TokenizerUnreadable: its errors are plain exceptions, panics even less."""
    try:
        yield
    except (KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except BaseException as error:
        raise TokenizerUnreadable(path, f"{what}: {str(error)[:200]}") from error

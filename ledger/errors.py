"""What can go wrong with a request: one class per cause, each with a message, an exit code and a next step.

Bad *data* is never an exception here: a line that does not parse is quarantined, a fault in the file is a finding.
The docstring of a class is its message template, filled with the arguments it is raised with (the scheme of
borg's error classes), so the table in the README can be generated from this module.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar


class LedgerError(Exception):
    """{0}"""

    exit_code: ClassVar[int] = 3
    hint: ClassVar[str] = "Run `ledger --help` for the commands."

    def __init__(self, *args: object, hint: str | None = None) -> None:
        """Fill the class's message with `args`; `hint` replaces the class's next step."""
        super().__init__(*args)
        self.next_step = self.hint.format(*args) if hint is None else hint

    def __str__(self) -> str:
        """Return the message, without the hint."""
        return (type(self).__doc__ or "{0}").format(*self.args)


class BadRequest(LedgerError):
    """{0}"""

    exit_code = 4
    hint = "Run the command with --help to see what it takes."


class LedgerNotFound(LedgerError):
    """No ledger at {0}."""

    exit_code = 10
    hint = "Run `ledger init` to create one here, or name one with --ledger PATH or LEDGER_PATH."


class LedgerExists(LedgerError):
    """There is already a file at {0}."""

    exit_code = 11
    hint = "Use it as it is (`ledger status`), or create the new ledger elsewhere with `ledger --ledger PATH init`."


class NotALedger(LedgerError):
    """{0} is not a ledger: {1}."""

    exit_code = 12
    hint = "Name the ledger file with --ledger PATH; `ledger init` creates one."


class NewerLedger(LedgerError):
    """{0} was written by a newer version of the ledger (format {1}; this program reads up to {2})."""

    exit_code = 13
    hint = "Upgrade with `pip install --upgrade sample-ledger`."


class CorruptLedger(LedgerError):
    """{0} is damaged: {1}."""

    exit_code = 14
    hint = "Run `ledger verify` to see what is affected, then restore a good copy of the file."


class LedgerBusy(LedgerError):
    """{0} is being written by another process; waited {1} s."""

    exit_code = 15
    hint = "Wait until the other command has finished, or allow more time with --wait SECONDS."


class DiskFull(LedgerError):
    """No room to write: {0}."""

    exit_code = 16
    hint = "Free some space and run the same command again: it goes on where it stopped."


class NotWritable(LedgerError):
    """Cannot write {0}: {1}."""

    exit_code = 17
    hint = "Check the permissions of the file and its directory, or choose another place."


class RolledBack(LedgerError):
    """{0} does not continue what this computer last saw of it: {1}."""

    exit_code = 18
    hint = "Run `ledger verify`; restore the newer file, or, if going back was meant, delete {2}."


class HeadMoved(LedgerError):
    """The ledger's head is at position {0}, not at the expected {1}."""

    exit_code = 19
    hint = "Look at what was appended (`ledger log`), then run the command again."


class InputNotFound(LedgerError):
    """No input at {0}."""

    exit_code = 20
    hint = "Check the path; a pattern must match at least one file."


class InputUnreadable(LedgerError):
    """Cannot read {0}: {1}."""

    exit_code = 21
    hint = "Give a UTF-8 JSONL file (plain or .gz), a directory of them, or - for standard input."


class SourceClash(LedgerError):
    """Two inputs have the same source name {0!r}: {1} and {2}."""

    exit_code = 22
    hint = "Ingest them in two commands, each with its own --source NAME."


class NoSuchId(LedgerError):
    """Nothing in the ledger has the id {0}."""

    exit_code = 23
    hint = "Ids are printed by `ledger log` and `ledger project --list-omitted`; any unique prefix of 6 or more works."


class AmbiguousId(LedgerError):
    """The id {0} fits {1} things: {2}."""

    exit_code = 24
    hint = "Give more characters of the id."


class NoSuchPosition(LedgerError):
    """There is no position {0}: the log {1}."""

    exit_code = 25
    hint = "Give a position or a time that the log has reached; `ledger status` shows the head."


class NotWithdrawable(LedgerError):
    """Event {0} cannot be withdrawn: {1}."""

    exit_code = 26
    hint = "`ledger log ID` lists a sample's events; decisions, labels, tags, weights and edits can be withdrawn once."


class ContentRefused(LedgerError):
    """The new content is not a sample: {0}."""

    exit_code = 27
    hint = 'Give one JSON object in a shape that `ledger ingest` reads, for example {{"messages": [...]}}.'


class PlanImpossible(LedgerError):
    """{0}"""

    exit_code = 30
    hint = "Look at labels and statuses with `ledger status`, then change --batch-size, --ratio or the decisions."


class ManifestUnreadable(LedgerError):
    """{0} is not a manifest this program can read: {1}."""

    exit_code = 31
    hint = "Give the NAME.manifest.json that `ledger project` wrote beside the export."


class ForeignManifest(LedgerError):
    """The manifest is not from this ledger: {0}."""

    exit_code = 32
    hint = "Name the ledger it came from with --ledger PATH."


class NotReproduced(LedgerError):
    """The rebuilt bytes are not those of the manifest: {0}."""

    exit_code = 33
    hint = "Run `ledger verify`; if it is clean, report this as a bug with the manifest."


class ExportChanged(LedgerError):
    """{0} exists and differs from what the manifest names."""

    exit_code = 34
    hint = "Write the rebuilt file elsewhere with -o FILE and compare."


class PolicyInvalid(LedgerError):
    """{0}, line {1}: {2}."""

    exit_code = 40
    hint = (
        "Correct that line; docs/policies.md has the whole grammar, and `ledger policy show NAME` a complete example."
    )


class NoPolicy(LedgerError):
    """No policy is in force{0}."""

    exit_code = 41
    hint = "Adopt one with `ledger decide --policy FILE`; `ledger policy list` names those that come with the program."


class SchemaUnreadable(LedgerError):
    """{0} is not a schema of tools: {1}."""

    exit_code = 42
    hint = "Give a JSON file of tool definitions: OpenAI's list, one JSON Schema per tool name, or tool_schemas.json."


class NoSuchScorer(LedgerError):
    """There is no scorer {0}; there are {1}."""

    exit_code = 43
    hint = "`ledger score --list` shows every scorer; a plug-in package must be installed where `ledger` runs."


class ScoresUnreadable(LedgerError):
    """{0}, line {1}: {2}."""

    exit_code = 44
    hint = "Correct that line and import again: nothing was recorded. docs/scores.md shows the form of a line."


class ScorerFailed(LedgerError):
    """The scorer {0} failed on {1} of {2} samples, which is more than {3}: {4}."""

    exit_code = 45
    hint = "Correct the scorer, or allow more with --max-failures SHARE; nothing was recorded."


class GraphUnreadable(LedgerError):
    """{0} is not a knowledge graph: {1}."""

    exit_code = 46
    hint = 'Give a JSON file {{"nodes": ["name", ...]}}; nodes may also be objects with an "id".'


class ConditionInvalid(LedgerError):
    """The condition does not read, at character {0}: {1}."""

    exit_code = 47
    hint = "For example: --where \"status == 'rejected' and quality >= 0.35\"; docs/policies.md has the grammar."


class GatesFailed(LedgerError):
    """{0} does not pass its gates, so it was not written: {1}."""

    exit_code = 48
    hint = "`ledger check VIEW` shows each gate with examples. Mend the samples, or write it anyway with --no-gates."


class GatesInvalid(LedgerError):
    """{0}, line {1}: {2}."""

    exit_code = 49
    hint = "Correct that line; docs/releases.md has every gate, and `ledger check --show-gates` a complete example."


class ViewInvalid(LedgerError):
    """{0}, line {1}: {2}."""

    exit_code = 50
    hint = "Correct that line; docs/releases.md says what a view can hold, and `ledger view show sft` is an example."


class NotRepresentable(LedgerError):
    """The sample {0} cannot be written as {1}: {2}."""

    exit_code = 51
    hint = "Write it in another --dialect or --type, or leave such samples out, counted, with --omit-unrepresentable."


class TokenizerUnreadable(LedgerError):
    """{0} is not a tokenizer that can be loaded: {1}."""

    exit_code = 52
    hint = "Give a tokenizer.json, or a folder that holds one beside its tokenizer_config.json."


class FloorNotMet(LedgerError):
    """The floor {0} cannot be met: {1}."""

    exit_code = 53
    hint = "Lower the floor, or add such samples; for a share a weight helps too (`ledger weight --times N`)."


class PushFailed(LedgerError):
    """{0} could not be pushed to {1}: {2}."""

    exit_code = 54
    hint = "The files stand here, whole. Check the repository's name and the token in HF_TOKEN, then push again."


class ProofInvalid(LedgerError):
    """The proof in {0} does not hold: {1}."""

    exit_code = 55
    hint = "Do not rely on it. Ask for a new one (`ledger prove`), and compare its head with one that you trust."


class ProofUnreadable(LedgerError):
    """{0} cannot be read as a proof: {1}."""

    exit_code = 56
    hint = "Proofs are the small text files that `ledger prove` writes."


class KeyUnreadable(LedgerError):
    """The key in {0} cannot be used: {1}."""

    exit_code = 57
    hint = 'Make a pair of keys with `ledger keygen FILE`; it needs `pip install "sample-ledger[sign]"`.'


class ErasedBytes(LedgerError):
    """{0} needs bytes that were erased by the event at position {1}."""

    exit_code = 58
    hint = "They cannot come back. Make a new release: `ledger project` leaves out what was erased."


class NotConfirmed(LedgerError):
    """Nothing was erased: {0}."""

    exit_code = 59
    hint = "Read the list, then run the same command with --yes; what is erased cannot come back."


class DestinationExists(LedgerError):
    """{0} is there already."""

    exit_code = 60
    hint = "Choose another name; nothing was written."


class CopyFailed(LedgerError):
    """The copy {0} is not the ledger that was copied: {1}."""

    exit_code = 61
    hint = "It was removed. Run `ledger verify` on the ledger, and check the disk that the copy went to."


class ArchiveInvalid(LedgerError):
    """{0} is not a sound archive of events: line {1}: {2}."""

    exit_code = 62
    hint = "Nothing was imported. Export it again with `ledger export-events` where the ledger is."


class CodecMissing(LedgerError):
    """{0} holds compressed bytes, and zstandard, which reads them, is not installed."""

    exit_code = 63
    hint = 'Run `pip install "sample-ledger[zstd]"`.'


class Forked(LedgerError):
    """{0} and {1} have the same first {2} events and then went apart."""

    exit_code = 64
    hint = (
        "Keep one of them. Import the archive under a new name (`ledger --ledger NEW import-events FILE`) and look at "
        "both with `ledger log`."
    )


class Interrupted(LedgerError):
    """The question was stopped after {0} s."""

    exit_code = 65
    hint = "Ask about less: one campaign, one rule, a smaller page. Nothing was changed."


class NoSuchProposal(LedgerError):
    """There is no proposal {0}."""

    exit_code = 66
    hint = "Run `ledger proposals list` to see those that wait."


class ProposalSettled(LedgerError):
    """Proposal {0} was {1} already, at position {2}."""

    exit_code = 67
    hint = "Run `ledger proposals list` to see those that wait; nothing was changed."


class ClientMissing(LedgerError):
    """{0} is not installed, and it is what talks to {1}."""

    exit_code = 68
    hint = 'Run `pip install "sample-ledger[agents]"`, or `[openai]` for the providers that speak as OpenAI does.'


class NoApiKey(LedgerError):
    """There is no key for {0}: {1} is not set."""

    exit_code = 69
    hint = "Set it in the environment; it is read from there alone, and never kept."


class ModelUnknown(LedgerError):
    """{0} does not offer the model {1}: {2}."""

    exit_code = 71
    hint = "Give another --model; nothing was sent."


class PriceUnknown(LedgerError):
    """Nobody knows what {0} costs, so no budget can hold."""

    exit_code = 72
    hint = "Give --price INPUT/OUTPUT in dollars for a million tokens."


class WorkStopped(LedgerError):
    """The work stopped: {0}. {1} of {2} samples are left."""

    exit_code = 73
    hint = "What was paid for is kept. Run the same command again when the cause is gone; it goes on from there."


class SpecInvalid(LedgerError):
    """{0}: {1}."""

    exit_code = 74
    hint = "Mend the file (docs/improving.md says what stands in one); nothing was sent."


class CorpusEmpty(LedgerError):
    """{0} holds no text that can show a style."""

    exit_code = 75
    hint = "Give a file with texts of 50 characters or more; nothing was sent."


class ProviderUnreachable(LedgerError):
    """{0} cannot be reached: {1}."""

    exit_code = 76
    hint = "Check the network and --base-url, then run the same command again; nothing was sent."


class NoSuchCheckout(LedgerError):
    """Nothing was checked out as {0}."""

    exit_code = 77
    hint = "Run `ledger checkout --list` to see what was."


class SettingsInvalid(LedgerError):
    """{0}, line {1}: {2}."""

    exit_code = 78
    hint = "Mend that line (docs/training.md lists the settings); nothing was trained."


class TrainerMissing(LedgerError):
    """{0} cannot be imported: {1}."""

    exit_code = 79
    hint = 'Run `pip install torch==2.13.0` and then `pip install "sample-ledger[train]"`.'


class ReleaseUnfit(LedgerError):
    """{0} cannot be trained on: {1}."""

    exit_code = 80
    hint = "Make the release again with `ledger project` or `ledger rebuild`; nothing was trained."


class ModelUnreadable(LedgerError):
    """The model in {0} cannot be used: {1}."""

    exit_code = 81
    hint = "Give the folder of a model with its tokenizer and its chat template; nothing was trained."


class OrderBroken(LedgerError):
    """The trainer would not see the rows as they stand: {0}."""

    exit_code = 82
    hint = "`ledger train --check` says what the rows need; the attempt is recorded, and nothing was trained."


class SampleChanged(LedgerError):
    """{0} changed since this page was shown."""

    exit_code = 84
    hint = "Nothing was recorded. Look at what changed, then decide again."

    def __init__(self, changes: Sequence[Mapping[str, Any]]) -> None:
        """Take each sample that changed, with the events since (`sample`, `events`)."""
        super().__init__(f"{len(changes)} samples" if len(changes) != 1 else f"Sample {changes[0]['sample'][:12]}")
        self.changes = list(changes)


class TrainingStopped(LedgerError):
    """Training stopped at step {0} of {1}: {2}."""

    exit_code = 83
    hint = "It is recorded. Run the same command again to go on from the last checkpoint."


class StaleViews(LedgerError):
    """The views of {0} were made by another version of this program, and it is open for reading only."""

    exit_code = 35
    hint = "Run `ledger rebuild-views` where the file can be written."


class UnknownEvent(LedgerError):
    """The log holds events this version does not know: {0}."""

    exit_code = 36
    hint = "Upgrade with `pip install --upgrade sample-ledger`; nothing was changed."


class UnsafeJournal(LedgerError):
    """Write-ahead logging is not safe with the SQLite linked here ({0})."""

    exit_code = 37
    hint = "Leave --wal out, or use a Python linked with SQLite 3.51.3 or newer."


class StorageFailed(LedgerError):
    """The storage under {0} failed: {1}."""

    exit_code = 38
    hint = "Check the disk and its quota, then run the same command again: what was committed is kept."


class BrokenLaw(LedgerError):
    """A law of the ledger would be broken, so nothing was written: {0}."""

    exit_code = 99
    hint = "This is a bug in the ledger; please report it with the command that led here."


def all_errors() -> list[type[LedgerError]]:
    """Return every error class, ordered by exit code."""
    found: list[type[LedgerError]] = [LedgerError]
    for cls in found:
        found.extend(cls.__subclasses__())
    return sorted(found, key=lambda cls: (cls.exit_code, cls.__name__))

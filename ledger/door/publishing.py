"""Publishing what was released."""

from __future__ import annotations

from pathlib import Path

from ledger.door.opened import Answer, Opened
from ledger.verbs.push import push_release


class Publishing(Opened):
    """Publishing what was released."""

    @staticmethod
    def push(manifest: str | Path, repo: str, *, private: bool = True, endpoint: str | None = None) -> Answer:
        """Push the files of a manifest to a dataset repository of the Hugging Face Hub; needs no ledger.

        The token is that of HF_TOKEN, or of `hf auth login`. Returns repo, commit and files. Raises
        ManifestUnreadable, BadRequest, PushFailed; then nothing was sent that the manifest does not name.
        """
        return push_release(Path(manifest), repo, endpoint=endpoint, private=private)

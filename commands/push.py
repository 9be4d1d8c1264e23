"""`ledger push`: send a release to a dataset repository of the Hugging Face Hub."""

from __future__ import annotations

import click

from commands._common import verb
from commands._options import text


@verb("push train.jsonl.manifest.json my-team/my-set")
@click.argument("manifest", type=click.Path(), metavar="MANIFEST")
@click.argument("repo", type=text, metavar="REPO")
@click.option("--public", is_flag=True, help="Make the repository public, if there is none yet.")
@click.pass_context
def command(ctx: click.Context, manifest: str, repo: str, *, public: bool) -> None:
    """Push a release to the Hugging Face Hub.

    Sends the file of a manifest, what stands beside it, and the manifest, as one commit; each is first compared with
    the manifest. The token is that of HF_TOKEN, or of `hf auth login`. Needs no ledger.
    """
    from commands._render import line
    from ledger import Ledger

    done = Ledger.push(manifest, repo, private=not public)

    def render() -> None:
        line((done["repo"], "bold"), "  ", (done["commit"], "dim"))
        for name in done["files"]:
            line(f"  {name}")

    ctx.obj.answer(done, render)

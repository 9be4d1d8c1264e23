"""The one door: class Ledger, one method per verb. Commands, servers and programs all come through here.

Every method returns plain values with stable keys (docs/formats.md). Methods that write take the ledger's actor, and
most take `expected_head`: the position that the caller believes the log ends at, refused with HeadMoved otherwise.
"""

from __future__ import annotations

from ledger.door.care import Care
from ledger.door.checks import Checks
from ledger.door.compaction import Compaction
from ledger.door.deriving import Deriving
from ledger.door.erasure import Erasure
from ledger.door.estimating import Estimating
from ledger.door.exports import Exports
from ledger.door.finding import Finding
from ledger.door.judgement import Judgement
from ledger.door.judging import Judging
from ledger.door.looking import Looking
from ledger.door.opened import ENVIRONMENT, FILE_NAME, find_ledger
from ledger.door.people import People
from ledger.door.proofs import Proofs
from ledger.door.proposals import Proposals
from ledger.door.publishing import Publishing
from ledger.door.questions import Questions
from ledger.door.reading import Reading
from ledger.door.reviewing import Reviewing
from ledger.door.revising import Revising
from ledger.door.samples import Samples
from ledger.door.scoring import Scoring
from ledger.door.search import Search
from ledger.door.similarity import Similarity
from ledger.door.training import Training
from ledger.door.views import Views

__all__ = ["ENVIRONMENT", "FILE_NAME", "Ledger", "find_ledger"]


class Ledger(
    Samples,
    People,
    Proposals,
    Scoring,
    Judgement,
    Questions,
    Looking,
    Reading,
    Reviewing,
    Finding,
    Search,
    Similarity,
    Deriving,
    Estimating,
    Judging,
    Views,
    Checks,
    Exports,
    Erasure,
    Publishing,
    Training,
    Proofs,
    Care,
    Compaction,
    Revising,
):
    """An open ledger. Use as a context manager, or call `close`."""

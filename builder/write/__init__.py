"""Families and stages: from a brief to requests, and from replies to ideas, drafts, rewrites and reviews."""

from builder.write.content import Content, Piece, Review
from builder.write.families import FAMILIES, Family, with_decks, with_transcripts
from builder.write.family import Step
from builder.write.parse import parse_ideas, parse_review
from builder.write.prompts import Prompts
from builder.write.tags import Unparsed
from builder.write.writer import IDEAS_PER_CALL, STAGE_OF, STAGES, Writer

__all__ = [
    "FAMILIES",
    "IDEAS_PER_CALL",
    "STAGES",
    "STAGE_OF",
    "Content",
    "Family",
    "Piece",
    "Prompts",
    "Review",
    "Step",
    "Unparsed",
    "Writer",
    "parse_ideas",
    "parse_review",
    "with_decks",
    "with_transcripts",
]

"""Families and stages: from a brief to requests, and from replies to ideas, drafts, rewrites and reviews."""

from builder.write.families import FAMILIES, Family
from builder.write.parse import Content, Review, Unparsed, parse_idea, parse_review
from builder.write.prompts import Prompts
from builder.write.stages import STAGES, Writer

__all__ = [
    "FAMILIES",
    "STAGES",
    "Content",
    "Family",
    "Prompts",
    "Review",
    "Unparsed",
    "Writer",
    "parse_idea",
    "parse_review",
]

"""Explanatory documents: pretraining-style texts of many genres in which the reasons can be read."""

from builder.write.family import Family
from builder.write.parse import parse_document

EXPLANATORY = Family(name="explanatory", parse=parse_document, own_criteria=("genre_true",))

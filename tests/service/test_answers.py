"""The texts that the test server answers with."""

import re
from pathlib import Path

from builder.config import BuildConfig, Project
from builder.ideas import groups
from builder.inputs import open_inputs
from builder.model.protocol import Outcome, Reply, Request
from builder.write import FAMILIES, Piece, parse_ideas
from tests.service.answers import answer


def test_the_texts_parse_and_judge() -> None:
    config = BuildConfig(evals=("framing",), seed=5, families={"explanatory": 1, "story": 1, "advice": 2})
    inputs = open_inputs(Project(config, Path("/nowhere")), lambda *_: None)
    briefs, writer = inputs.briefs(24), inputs.writer
    ideas = [idea for group in groups(briefs) for idea in parse_ideas(said(writer.ideas(group, 0, [], {})), len(group))]
    documents = []
    for brief in briefs:
        piece = Piece(brief, str(ideas[0]))
        for step in FAMILIES[brief.family].steps(brief):
            piece = step.read(writer, piece, Reply(said(step.ask(writer, piece)), Outcome.COMPLETED, "m"))
            assert piece.reason is None, (step.name, piece.reason)
        assert piece.review is not None and piece.review.judged == len(FAMILIES[brief.family].criteria)
        whole = " ".join(re.sub(r"<[^>]*>", " ", piece.finished.tagged).split())
        assert any(evidence in whole for _, evidence in piece.review.verdicts.values())
        documents.append(piece.finished.body)
    for texts in (ideas, documents):
        assert all(isinstance(text, str) for text in texts) and len(set(texts)) == len(briefs)


def said(request: Request) -> str:
    return answer(request.system, request.user)

"""Selection under a token budget: in plan order, which is stratified, so that any cut stays balanced."""

from collections.abc import Sequence

from builder.records import Document


def within_budget(
    documents: Sequence[Document], order: Sequence[str], tokens: int
) -> tuple[list[Document], list[Document]]:
    """The documents that fit into `tokens`, and the rest.

    `order` lists brief ids, first come first served; a document that does not fit is passed over, so smaller ones
    behind it may still come in, and the first one always does. The sum of tokens exceeds the budget only where that
    first document alone does.
    """
    place = {brief: index for index, brief in enumerate(order)}
    chosen: list[Document] = []
    left: list[Document] = []
    spent = 0
    for document in sorted(documents, key=lambda document: (place[document.brief], document.id)):
        if not chosen or spent + document.tokens <= tokens:
            chosen.append(document)
            spent += document.tokens
        else:
            left.append(document)
    return chosen, left

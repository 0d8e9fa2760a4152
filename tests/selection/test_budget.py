from hypothesis import given
from hypothesis import strategies as st

from builder.records import Document
from builder.selection import within_budget


def document(index: int, tokens: int) -> Document:
    return Document(
        id=f"d{index:03}", family="story", form="letter", persona="own", principles=("a",), tokens=tokens,
        brief=f"b{index:03}", text="t",
    )  # fmt: skip


sizes = st.lists(st.integers(1, 200), min_size=1, max_size=30)


@given(sizes, st.integers(1, 2000), st.randoms())
def test_the_budget_holds_and_nothing_is_lost(sizes: list[int], budget: int, random: object) -> None:
    documents = [document(i, size) for i, size in enumerate(sizes)]
    order = [d.brief for d in documents]
    shuffled = documents.copy()
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    chosen, left = within_budget(shuffled, order, budget)
    assert sorted(d.id for d in chosen + left) == [d.id for d in documents]
    assert sum(d.tokens for d in chosen) <= budget or chosen == [documents[0]]
    assert all(sum(d.tokens for d in chosen) + d.tokens > budget for d in left if d is not documents[0])
    assert (chosen, left) == within_budget(documents, order, budget)

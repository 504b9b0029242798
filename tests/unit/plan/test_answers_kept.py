"""Answers of the last plan are taken over as they are where all that they depend on is the same, and only there."""

import pytest

from isochrone.plan.memo import Memo


def asked(memo: Memo, question: str, *given: object) -> list[object]:
    """A new object with each computation."""
    return memo.answer(question, given, lambda: [question, *given])


@pytest.mark.parametrize(
    ("question", "given", "is_kept"),
    [
        pytest.param("q", [1, 2], True, id="the same"),
        pytest.param("q", [1, 3], False, id="given something else"),
        pytest.param("q", [1], False, id="given less"),
        pytest.param("r", [1, 2], False, id="another question"),
    ],
)
def test_an_answer_is_kept_if_all_is_the_same(question: str, given: list[object], is_kept: bool) -> None:
    memo = Memo()
    first = asked(memo, "q", 1, 2)
    found = asked(Memo(memo.finished()), question, *given)

    assert found == [question, *given]
    assert (found is first) is is_kept


def test_what_is_not_asked_for_again_is_forgotten() -> None:
    memo = Memo()
    first = asked(memo, "q", 1)
    second = Memo(memo.finished())
    asked(second, "r", 1)

    assert asked(Memo(second.finished()), "q", 1) is not first


def test_what_is_asked_for_again_is_kept_for_longer() -> None:
    memo = Memo()
    first = asked(memo, "q", 1)
    for _ in range(3):
        memo = Memo(memo.finished())

        assert asked(memo, "q", 1) is first


def test_the_latest_answer_counts() -> None:
    memo = Memo()
    asked(memo, "q", 1)
    memo = Memo(memo.finished())
    later = asked(memo, "q", 2)

    assert asked(memo, "q", 2) is later
    assert asked(memo, "q", 1) == ["q", 1]


def test_a_finished_memory_knows_only_what_was_asked() -> None:
    memo = Memo()
    first = asked(memo, "q", 1)
    second = Memo(memo.finished()).finished()

    assert asked(second, "q", 1) is not first


def test_equal_values_become_one_object() -> None:
    memo = Memo()
    first = memo.same("q", [1])

    assert memo.same("q", [1]) is first
    assert Memo(memo.finished()).same("q", [1]) is first
    assert memo.same("q", [2]) == [2]

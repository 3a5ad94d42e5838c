"""The order of work does not depend on the order in which candidates are found."""

from __future__ import annotations

from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from coordinator.scheduling import Candidate, choose

CANDIDATES = st.lists(
    st.builds(
        Candidate,
        job_id=st.integers(1, 50),
        device=st.sampled_from(["a", "b"]),
        collection=st.sampled_from(["", "c", "d"]),
        priority=st.integers(-1, 1),
        attempts=st.integers(0, 2),
    ),
    max_size=12,
    unique_by=lambda one: one.job_id,
)


def _job(job_id: int, collection: str = "", priority: int = 0, attempts: int = 0) -> Candidate:
    return Candidate(job_id, "box", collection, priority, attempts)


def test_every_order_of_input_gives_the_same_order_of_work() -> None:
    jobs = [_job(1), _job(2, "c"), _job(3, "c", attempts=1), _job(4, "d", 1), _job(5, "d")]
    orders = {tuple(choose(order, 4, 7)) for order in permutations(jobs)}
    assert len(orders) == 1


@given(CANDIDATES, st.integers(0, 12), st.integers(0, 100))
def test_priorities_come_first_and_nothing_is_chosen_twice(
    jobs: list[Candidate], count: int, turn: int
) -> None:
    chosen = choose(jobs, count, turn)
    assert len(chosen) == len(set(chosen)) == min(count, len(jobs))
    assert [one.priority for one in chosen] == sorted((o.priority for o in chosen), reverse=True)
    left = set(jobs) - set(chosen)
    if chosen and left:
        assert max(one.priority for one in left) <= chosen[-1].priority


@given(CANDIDATES, st.integers(0, 100))
def test_within_a_collection_fresh_and_older_jobs_come_first(
    jobs: list[Candidate], turn: int
) -> None:
    for name in {(one.device, one.collection, one.priority) for one in jobs}:
        mine = [
            (one.attempts, one.job_id)
            for one in choose(jobs, len(jobs), turn)
            if (one.device, one.collection, one.priority) == name
        ]
        assert mine == sorted(mine)


@given(st.integers(1, 30), st.integers(0, 100))
def test_a_small_collection_is_done_after_twice_its_size(small: int, turn: int) -> None:
    jobs = [_job(n, "large") for n in range(1000)] + [_job(2000 + n, "small") for n in range(small)]
    chosen = choose(jobs, 2 * small, turn)
    assert sum(one.collection == "small" for one in chosen) == small


def test_turns_go_on_from_lease_to_lease() -> None:
    jobs = {
        _job(n, name)
        for name, start in (("c", 0), ("d", 10), ("e", 20))
        for n in range(start, start + 5)
    }
    served = []
    for turn in range(9):
        (one,) = choose(jobs, 1, turn)
        jobs.remove(one)
        served.append(one.collection)
    assert sorted(served) == ["c"] * 3 + ["d"] * 3 + ["e"] * 3

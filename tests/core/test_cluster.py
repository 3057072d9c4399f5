"""Work over workers: processes, and a Ray cluster of two machines played by two raylets on this one."""
from __future__ import annotations

import importlib.util
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core import cluster
from core.cluster import Lost, spread
from core.errors import UserError
from tests.core.cluster_work import dead_at_once, doubling, unable

pytestmark = pytest.mark.timeout(300)  # a cluster starts slowly on a busy machine
NODE: dict[str, Any] = {"num_cpus": 1, "object_store_memory": 80 * 2**20}
HAS_RAY = importlib.util.find_spec("ray") is not None


@pytest.fixture(scope="module")
def two_machines() -> Iterator[Any]:
    """A Ray cluster of two nodes with one processor each."""
    if not HAS_RAY:
        pytest.skip("needs ray (requirements-cluster.txt)")
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    from ray.cluster_utils import Cluster

    machines = Cluster(initialize_head=True, head_node_args={**NODE, "include_dashboard": False})
    try:
        machines.add_node(**NODE)
        yield machines
    finally:
        machines.shutdown()


@pytest.fixture(params=["processes", "ray"])
def place(request: pytest.FixtureRequest) -> str | None:
    """Where the work is done: the `cluster` argument."""
    return None if request.param == "processes" else request.getfixturevalue("two_machines").address


def test_every_item_has_its_result_and_both_workers_take_part(place: str | None, tmp_path: Path) -> None:
    found = dict(spread(doubling, (str(tmp_path),), ["meet a", 1, "meet b", 3, 4], 2, place))
    assert {item: value for item, (value, _) in found.items()} == {item: item * 2 for item in found} and len(found) == 5
    assert len({process for _, process in found.values()}) == 2 and os.getpid() not in {p for _, p in found.values()}


def test_an_item_of_a_worker_that_died_is_done_by_another(place: str | None, tmp_path: Path) -> None:
    found = dict(spread(doubling, (str(tmp_path),), [1, "die once", 2, "die", 3], 2, place))
    assert found["die once"][0] == "die oncedie once" and [found[n][0] for n in (1, 2, 3)] == [2, 4, 6]
    assert isinstance(found["die"], Lost) and "died 3 times" in found["die"].reason
    assert len(list(tmp_path.glob("die-*"))) == cluster.ATTEMPTS


def test_work_goes_on_without_a_machine_that_went_away(two_machines: Any, tmp_path: Path) -> None:
    machine = two_machines.add_node(**NODE)
    items = [f"slow {number}" for number in range(9)]
    run = spread(doubling, (str(tmp_path),), items, 3, two_machines.address)
    found = dict([next(run)])
    two_machines.remove_node(machine, allow_graceful=False)
    found.update(run)
    assert {item: value for item, (value, _) in found.items()} == {item: item * 2 for item in items}


def test_errors_of_workers_are_raised_here(place: str | None, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="as asked"):
        list(spread(doubling, (str(tmp_path),), ["raise"], 1, place))
    with pytest.raises(UserError, match="head is missing"):
        list(spread(unable, (), [1], 2, place))


def test_items_are_read_as_workers_need_them_and_stop_ends_it(tmp_path: Path) -> None:
    read: list[int] = []

    def items() -> Iterator[int]:
        for number in range(10**9):
            read.append(number)
            yield number

    done: list[int] = []
    for item, _ in spread(doubling, (str(tmp_path),), items(), 2, stop=lambda: len(done) >= 4):
        done.append(item)
        assert len(read) <= len(done) + 4
    assert 4 <= len(done) <= 6 and sorted(done) == list(range(len(done)))


def test_no_items_need_no_workers() -> None:
    assert list(spread(unable, (), [], 2)) == []


def test_workers_that_die_as_they_start_are_said() -> None:
    with pytest.raises(UserError, match="die as they start"):
        list(spread(dead_at_once, (), [1, 2], 1))


def test_an_abandoned_run_leaves_no_process(tmp_path: Path) -> None:
    run = spread(doubling, (str(tmp_path),), ["slow"] * 9, 2)
    processes = {next(run)[1][1]}
    run.close()  # type: ignore[attr-defined]
    end = time.monotonic() + 5
    while any(_alive(process) for process in processes) and time.monotonic() < end:
        time.sleep(0.05)
    assert not any(_alive(process) for process in processes)


def test_without_ray_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *a: None if name == "ray" else find(name, *a))
    with pytest.raises(UserError, match="requirements-cluster.txt"):
        list(spread(unable, (), [1], 1, "local"))


@pytest.mark.skipif(not HAS_RAY, reason="needs ray (requirements-cluster.txt)")
def test_an_address_where_nobody_listens_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    import ray

    def refuse(*_: Any, **__: Any) -> None:
        raise ConnectionError("nobody there")

    monkeypatch.setattr(ray, "init", refuse)
    with pytest.raises(UserError, match="'127.0.0.1:1' can't be used .nobody there"):
        list(spread(unable, (), [1], 1, "127.0.0.1:1"))


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
        return True
    except ProcessLookupError:
        return False

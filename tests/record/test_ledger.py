import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spoonful.record.ledger import (
    EVERY_STEPS,
    TRAIN,
    VAL,
    WEIGHTS,
    Ledger,
    Row,
    as_metric,
    from_csv,
    overall_digest,
    to_csv,
)

DIGESTS = [number.to_bytes(16, "big") for number in range(500)]


def ledger_of(num_steps: int, first_step: int = 0, digests: list[bytes] = DIGESTS) -> Ledger:
    ledger = Ledger()
    ledger.begin(TRAIN, 1, first_step)
    ledger.add(TRAIN, digests[:num_steps])
    ledger.end(TRAIN)
    return ledger


def steps_of(ledger: Ledger, stream: str = TRAIN) -> list[int]:
    return [row.step for row in ledger.rows if row.stream == stream]


@pytest.mark.parametrize(
    ("num_steps", "rows"),
    [
        (0, [0]),
        (1, [1]),
        (99, [99]),
        (100, [100]),
        (101, [100, 101]),
        (200, [100, 200]),
        (350, [100, 200, 300, 350]),
    ],
)
def test_there_is_a_row_at_each_hundredth_step_and_at_the_end(
    num_steps: int, rows: list[int]
) -> None:
    assert EVERY_STEPS == 100
    assert steps_of(ledger_of(num_steps)) == rows
    assert steps_of(ledger_of(num_steps, first_step=1000)) == [1000 + row for row in rows]


def test_an_epoch_of_hundreds_ends_without_a_second_row_whatever_came_between() -> None:
    ledger = Ledger()
    ledger.begin(TRAIN, 1, 0)
    ledger.add(TRAIN, DIGESTS[:200])
    ledger.begin(VAL, 1, 0)
    ledger.add(VAL, DIGESTS[:100])
    digests = [ledger.end(TRAIN), ledger.end(VAL)]
    assert steps_of(ledger) == [100, 200]
    assert steps_of(ledger, VAL) == [100]
    assert [row.digest for row in ledger.rows[1:]] == digests


def test_a_row_holds_the_stream_the_epoch_and_the_chain_so_far() -> None:
    ledger = Ledger()
    ledger.begin(VAL, 7, 0)
    ledger.add(VAL, DIGESTS[:3])
    digest = ledger.end(VAL)
    assert ledger.rows == [Row("val", 7, 3, digest)]
    ledger.note_weights(7, 21, bytes(range(16)))
    assert ledger.rows[1] == Row(WEIGHTS, 7, 21, "000102030405060708090a0b0c0d0e0f")


def test_the_chain_is_what_it_always_was() -> None:
    # A row: xxh3_128(the row before + its steps); before the first, xxh3_128(b"spoonful ledger 1").
    assert [row.digest for row in ledger_of(0).rows] == ["aefa33a3cef16d4852b215012cd3b189"]
    assert [row.digest for row in ledger_of(3).rows] == ["e4c82e0c111a3424987e89e03eee1b6d"]
    assert [row.digest for row in ledger_of(101).rows] == [
        "4365c314a73c8605c8faa00ce849dc33",
        "48eee4a0c9090abc10ccaed8a86d3402",
    ]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.binary(min_size=16, max_size=16), min_size=1, max_size=30), st.data())
def test_every_step_and_their_order_count(digests: list[bytes], data: st.DataObject) -> None:
    end = ledger_of(30, digests=digests).rows[-1].digest
    place = data.draw(st.integers(0, len(digests) - 1))
    changed = bytes([digests[place][0] ^ 1]) + digests[place][1:]
    others = [
        [*digests[:place], *digests[place + 1 :]],
        [*digests[:place], changed, *digests[place + 1 :]],
        [*digests, digests[place]],
    ]
    if digests != digests[::-1]:
        others.append(digests[::-1])
    for other in others:
        assert ledger_of(31, digests=other).rows[-1].digest != end


def test_a_chain_begins_anew_with_each_epoch() -> None:
    ledger = Ledger()
    for epoch in (1, 2):
        ledger.begin(TRAIN, epoch, 0)
        ledger.add(TRAIN, DIGESTS[:5])
        ledger.end(TRAIN)
    assert ledger.rows[0].digest == ledger.rows[1].digest


# One event of a training: a number of steps to add, or the end of an epoch.
EVENTS = st.lists(st.integers(0, 130) | st.just("end"), max_size=12)


def play(ledger: Ledger, events: list[Any], epoch: int = 1, begin: bool = True) -> int:
    if begin:
        ledger.begin(TRAIN, epoch, 0)
    for number, event in enumerate(events):
        if event == "end":
            ledger.end(TRAIN)
            epoch += 1
            ledger.begin(TRAIN, epoch, 10 * epoch)
        else:
            ledger.add(TRAIN, DIGESTS[number : number + event])
    return epoch


@settings(max_examples=100, deadline=None)
@given(before=EVENTS, after=EVENTS)
def test_it_goes_on_from_its_state_as_if_nothing_had_been(
    before: list[Any], after: list[Any]
) -> None:
    whole, first, second = Ledger(), Ledger(), Ledger()
    epoch = play(whole, before)
    play(first, before)
    state = json.loads(json.dumps(first.state()))
    first.add(TRAIN, DIGESTS)  # the state is a copy
    second.restore(state)
    play(whole, after, epoch, begin=False)
    play(second, after, epoch, begin=False)
    assert second.rows == whole.rows
    assert second.end(TRAIN) == whole.end(TRAIN)
    assert second.state() == whole.state()


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 350), st.lists(st.integers(1, 350), max_size=8))
def test_how_many_steps_are_noted_at_a_time_changes_nothing(
    num_steps: int, cuts: list[int]
) -> None:
    ledger = Ledger()
    ledger.begin(TRAIN, 1, 0)
    edges = [0, *sorted(min(cut, num_steps) for cut in cuts), num_steps]
    for start, stop in pairwise(edges):
        ledger.add(TRAIN, DIGESTS[start:stop])
    ledger.end(TRAIN)
    assert ledger.rows == ledger_of(num_steps).rows


def test_a_copy_without_an_epoch_of_a_stream_leaves_the_rest() -> None:
    ledger = Ledger()
    for epoch in (1, 2):
        ledger.begin(TRAIN, epoch, 0)
        ledger.add(TRAIN, DIGESTS[:150])
        ledger.begin(VAL, epoch, 0)
        ledger.add(VAL, DIGESTS[:120])
        if epoch == 1:
            ledger.end(TRAIN)
            ledger.end(VAL)
    rows = list(ledger.rows)
    copy = ledger.without(VAL, 2)
    assert copy.rows == [row for row in rows if (row.stream, row.epoch) != (VAL, 2)]
    assert {(row.stream, row.epoch) for row in copy.rows} == {(TRAIN, 1), (VAL, 1), (TRAIN, 2)}
    with pytest.raises(KeyError):
        copy.add(VAL, DIGESTS[:1])
    assert copy.end(TRAIN) == ledger.end(TRAIN)
    copy.begin(VAL, 2, 0)  # validation begins anew
    copy.add(VAL, DIGESTS[:120])
    assert copy.end(VAL) == ledger.end(VAL)
    assert sorted(copy.rows, key=str) == sorted(ledger.rows, key=str)


def test_rows_come_back_from_csv() -> None:
    rows = [*ledger_of(350, first_step=700).rows, Row(WEIGHTS, 1, 1050, "ab" * 16)]
    text = to_csv(rows)
    assert text.splitlines()[0] == "stream,epoch,step,digest"
    assert len(text.splitlines()) == 1 + len(rows)
    assert "\r" not in text
    assert from_csv(text) == rows
    assert from_csv(to_csv([])) == []


def test_one_digest_stands_for_all_rows_of_a_stream_in_their_order() -> None:
    rows = ledger_of(350).rows
    others = [Row(VAL, 1, 5, "00"), Row(WEIGHTS, 1, 350, "11")]
    digest = overall_digest(rows, TRAIN)
    assert len(digest) == 32
    assert overall_digest([others[0], *rows, others[1]], TRAIN) == digest
    assert overall_digest(others, VAL) not in (digest, overall_digest([], VAL))
    assert overall_digest(rows[::-1], TRAIN) != digest
    for place, row in enumerate(rows):
        without = [*rows[:place], *rows[place + 1 :]]
        assert overall_digest(without, TRAIN) != digest
        for other in (
            Row(TRAIN, 2, row.step, row.digest),
            Row(TRAIN, 1, row.step + 1, row.digest),
            Row(TRAIN, 1, row.step, row.digest[:-1] + "x"),
        ):
            assert overall_digest([*without[:place], other, *without[place:]], TRAIN) != digest


@given(st.binary(min_size=16, max_size=16))
def test_a_metric_holds_the_first_48_bits_exactly(digest: bytes) -> None:
    number = as_metric(digest.hex())
    assert number.is_integer()
    assert f"{int(number):012x}" == digest.hex()[:12]
    assert float(repr(number)) == number


def test_metrics_of_neighbouring_digests_differ() -> None:
    assert as_metric("ffffffffffff" + "0" * 20) - as_metric("fffffffffffe" + "f" * 20) == 1.0

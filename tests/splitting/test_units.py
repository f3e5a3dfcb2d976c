from spoonful.datasets.raw import RawImage
from spoonful.splitting.units import joined, without_lone


def images_of(*groups: str | None, contents: str = "") -> list[RawImage]:
    return [
        RawImage("cat", f"{i}.png", group=group, content=contents[i : i + 1] or None)
        for i, group in enumerate(groups)
    ]


def test_groups_and_clusters_that_share_an_image_are_one_unit() -> None:
    images = images_of(None, "a", "b", "a", None, "c", None, "b")
    assert joined(images, []).tolist() == [0, 1, 2, 1, 3, 4, 5, 2]
    assert joined(images, [[6, 0]]).tolist() == [0, 1, 2, 1, 3, 4, 0, 2]
    assert joined(images, [[0, 3], [4, 5], [2, 6, 1]]).tolist() == [0, 0, 0, 0, 1, 1, 0, 0]
    assert joined([], []).tolist() == []


def test_a_long_chain_is_one_unit() -> None:
    count = 20_000
    clusters = [[i, i + 1] for i in reversed(range(count - 1))]
    assert not joined(images_of(*[None] * count), clusters).any()


def test_units_of_one_image_are_none() -> None:
    units = joined(images_of("a", None, "b", "a", "b", None), [])
    assert without_lone(units) == [[0, 3], [2, 4]]
    assert without_lone(units[:2]) == []
    assert without_lone(units[:0]) == []

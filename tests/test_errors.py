import pickle

from spoonful.errors import SpoonfulError


def test_a_message_is_one_line_that_can_be_printed() -> None:
    error = SpoonfulError("a\nb\x1b[31m\u2028ö \udc80.png: no image")
    assert str(error) == r"a\nb\x1b[31m\u2028ö \udc80.png: no image"
    assert str(error).encode()


def test_a_message_stays_as_it_is_where_it_can_be_printed() -> None:
    error = SpoonfulError("grün/päckchen 1.png: expected 3 bytes, found 2")
    assert str(error) == "grün/päckchen 1.png: expected 3 bytes, found 2"
    assert str(pickle.loads(pickle.dumps(error))) == str(error)

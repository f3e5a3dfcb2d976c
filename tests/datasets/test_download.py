import gzip
import hashlib
import http.client
import socket
import threading
import time
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from spoonful.datasets import mnist
from spoonful.datasets.download import download
from spoonful.datasets.mnist import Mnist
from spoonful.errors import SpoonfulError

CONTENT = bytes(range(256)) * 1_000
FILES = {name: name.encode() * 50 for name in mnist.MD5}


class Handler(BaseHTTPRequestHandler):
    """Answer by the first part of the path: whole, unsized, short, chunked, silent or files."""

    def __init__(self, test_over: threading.Event, *rest: object) -> None:
        self.test_over = test_over
        super().__init__(*rest)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        _, kind, name = self.path.split("/")
        content = CONTENT
        if kind == "files":
            content = gzip.compress(FILES[name.removesuffix(".gz")])
        elif kind not in ("whole", "unsized", "short", "chunked", "silent"):
            return self.send_error(404)
        self.send_response(200)
        if kind == "chunked":
            self.send_header("Transfer-Encoding", "chunked")
        elif kind != "unsized":
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if kind == "chunked":
            content = b"ff\r\n" + content[:100]  # a chunk of 255 bytes that ends after 100
        elif kind in ("short", "silent"):
            content = content[:1_000]
        self.wfile.write(content)
        self.wfile.flush()
        if kind == "silent":
            self.test_over.wait(30)
        return None

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    """The address of a web server on this machine."""
    test_over = threading.Event()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, test_over)) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        test_over.set()
        running.shutdown()
        thread.join()


@pytest.fixture
def nobody() -> str:
    """An address that nobody answers at."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


@pytest.mark.parametrize("kind", ["whole", "unsized"])
def test_a_file_arrives_whole(server: str, tmp_path: Path, kind: str) -> None:
    download(f"{server}/{kind}/file", tmp_path / "file", timeout_s=10)
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_a_connection_that_breaks_off_is_an_error(server: str, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="broke off after 1000 of 256000 bytes"):
        download(f"{server}/short/file", tmp_path / "file", timeout_s=10)
    with pytest.raises((OSError, http.client.IncompleteRead)):
        download(f"{server}/chunked/file", tmp_path / "file", timeout_s=10)


def test_a_file_that_is_not_there_is_an_error(server: str, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="404"):
        download(f"{server}/nothing/file", tmp_path / "file", timeout_s=10)


def test_silence_is_an_error(server: str, tmp_path: Path) -> None:
    start_s = time.monotonic()
    with pytest.raises(TimeoutError):
        download(f"{server}/silent/file", tmp_path / "file", timeout_s=0.3)
    assert 0.3 <= time.monotonic() - start_s < 4


def dataset(urls: list[str], timeout_s: float = 10) -> Mnist:
    return Mnist(
        image_size=[28, 28],
        resize="stretch",
        num_channels=1,
        background=[255, 255, 255],
        max_pixels=89_478_485,
        val_fraction=0.1,
        split_seed=0,
        mirror=None,
        urls=urls,
        timeout_s=timeout_s,
    )


@pytest.fixture
def _published(monkeypatch: pytest.MonkeyPatch) -> None:
    sums = {name: hashlib.md5(content).hexdigest() for name, content in FILES.items()}
    monkeypatch.setattr(mnist, "MD5", sums)


@pytest.mark.usefixtures("_published")
def test_mnist_comes_from_the_first_address_that_has_it(
    server: str, nobody: str, tmp_path: Path
) -> None:
    urls = [nobody, f"{server}/nothing/", f"{server}/short", f"{server}/chunked", f"{server}/files"]
    dataset(urls).fetch(tmp_path / "raw")
    found = {path.name: path.read_bytes() for path in (tmp_path / "raw").iterdir()}
    assert found == FILES


@pytest.mark.usefixtures("_published")
def test_a_broken_download_is_one_line_with_every_reason(
    server: str, nobody: str, tmp_path: Path
) -> None:
    kinds = ["nothing", "short", "chunked", "silent", "whole"]
    urls = [nobody, *(f"{server}/{kind}" for kind in kinds)]
    with pytest.raises(SpoonfulError) as caught:
        dataset(urls, timeout_s=0.3).fetch(tmp_path / "raw")
    message = str(caught.value)
    assert "\n" not in message
    assert all(f"{url}/train-images-idx3-ubyte.gz: " in message for url in urls)
    words = ["refused", "404", "broke off", "timed out", "not a whole gzip file"]
    assert all(word in message for word in words)
    assert "dataset.mirror=FOLDER" in message
    assert "SPOONFUL_MIRROR=FOLDER" in message
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("urls", [[], ["nonsense"], ["http://host.invalid/mnist"]])
def test_no_way_to_the_files_names_the_mirror(tmp_path: Path, urls: list[str]) -> None:
    with pytest.raises(SpoonfulError) as caught:
        dataset(urls).fetch(tmp_path / "raw")
    assert "\n" not in str(caught.value)
    assert "dataset.mirror" in str(caught.value)
    assert "SPOONFUL_MIRROR" in str(caught.value)

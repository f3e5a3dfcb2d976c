"""Real stores on this machine, and a place before them where their answers go wrong."""

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

START_LIMIT_S = 120


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextlib.contextmanager
def s3_server() -> Iterator[str]:
    """A real process that answers as S3 does."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(
        command, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        end = time.monotonic() + START_LIMIT_S
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            assert process.poll() is None, "the S3 server ended"
            assert time.monotonic() < end, f"no S3 server within {START_LIMIT_S} s"
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


class Faulty:
    """Hands requests on to a store, and lets some answers go wrong.

    Attributes:
        fault: "" hands all on; "500", "403" answers so; "cut" ends the connection in the middle of
            a body; "flip" changes a byte of it, "spoil" too, but leaves S3's checksum; "hang" never
            answers; "slow" waits `delay_s` first.
        num_faults: so many answers go wrong, and then no more.
        only: paths that hold this text are concerned.
        gets: how often a body was sent for each path and range.
    """

    def __init__(self, uri: str) -> None:
        self.fault, self.num_faults, self.only, self.delay_s = "", 1 << 30, "", 0.0
        self.gets: Counter[tuple[str, str]] = Counter()
        self._host = uri.removeprefix("http://")
        self._closing, self._lock = threading.Event(), threading.Lock()
        between = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one_request(self) -> None:
                with contextlib.suppress(OSError):
                    super().handle_one_request()

            def log_message(self, format: str, *arguments: object) -> None:
                """Say nothing."""

            def __getattr__(self, name: str) -> Callable[[], None]:
                if not name.startswith("do_"):
                    raise AttributeError(name)
                return lambda: between._answer(self)

        class Server(ThreadingHTTPServer):
            request_queue_size = 128  # of 5, those that wait too long would be sent again

        self._server = Server(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.uri = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def break_down(self, fault: str, num_faults: int = 1 << 30, only: str = "") -> None:
        """Let the next answers go wrong."""
        with self._lock:
            self.fault, self.num_faults, self.only = fault, num_faults, only

    def num_gets(self, text: str) -> int:
        """How many bodies were sent for paths that hold a text."""
        return sum(count for (path, _), count in self.gets.items() if text in path)

    def close(self) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()

    def _fault_of(self, path: str) -> str:
        with self._lock:
            if not self.fault or self.only not in path or self.num_faults <= 0:
                return ""
            self.num_faults -= 1
            return self.fault

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        fault = self._fault_of(request.path)
        request.close_connection = True
        if fault == "hang":
            self._closing.wait()
            return
        if fault in ("500", "403"):
            request.send_response(int(fault))
            request.send_header("Content-Length", "0")
            request.end_headers()
            return
        if fault == "slow":
            self._closing.wait(self.delay_s)
        status, headers, answer = self._handed_on(request, body)
        if request.command == "GET" and status in (200, 206):
            with self._lock:
                self.gets[request.path, request.headers.get("Range") or ""] += 1
        request.send_response(status)
        sent = {name.lower(): value for name, value in headers}
        for name, value in headers:
            dropped = name.lower() in ("transfer-encoding", "content-length", "connection", "date")
            if not dropped and not (fault == "flip" and "checksum" in name.lower()):
                request.send_header(name, value)
        is_head = request.command == "HEAD"
        length = sent.get("content-length", "0") if is_head else str(len(answer))
        request.send_header("Content-Length", length)
        request.send_header("Connection", "close")
        request.end_headers()
        if fault == "cut":
            answer = answer[: len(answer) // 2]
        if fault in ("flip", "spoil") and answer:
            middle = len(answer) // 2
            answer = answer[:middle] + bytes([answer[middle] ^ 1]) + answer[middle + 1 :]
        request.wfile.write(answer)

    def _handed_on(
        self, request: BaseHTTPRequestHandler, body: bytes
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        connection = http.client.HTTPConnection(self._host, timeout=60)
        try:
            # With its Host: it is signed.
            connection.putrequest(request.command, request.path, skip_host=True)
            for name, value in request.headers.items():
                connection.putheader(name, value)
            connection.endheaders(body or None)
            response = connection.getresponse()
            return response.status, response.getheaders(), response.read()
        finally:
            connection.close()


@contextlib.contextmanager
def file_server(folder: Path) -> Iterator[str]:
    """A plain web server of a folder, which knows no ranges, as a real process."""
    port = free_port()
    command = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"]
    process = subprocess.Popen(
        [*command, "--directory", str(folder)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        end = time.monotonic() + START_LIMIT_S
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            assert time.monotonic() < end, f"no web server within {START_LIMIT_S} s"
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()

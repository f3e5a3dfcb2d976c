"""A web server that answers as fast as the disk: ranges of files, sent by the kernel.

python experiments/remote/server.py FOLDER
"""

import re
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Handler(BaseHTTPRequestHandler):
    """Answers GET and HEAD for the files of a folder."""

    protocol_version = "HTTP/1.1"
    folder: Path

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""

    def do_HEAD(self) -> None:
        """Answer without the content."""
        self._answer(has_body=False)

    def do_GET(self) -> None:
        """Answer with the content, or the part that is asked for."""
        self._answer(has_body=True)

    def _answer(self, has_body: bool) -> None:
        path = self.folder / self.path.lstrip("/")
        if not path.is_file():
            self.send_error(404)
            return
        size = path.stat().st_size
        asked = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range") or "")
        start, last = (int(asked[1]), min(int(asked[2]), size - 1)) if asked else (0, size - 1)
        self.send_response(206 if asked else 200)
        self.send_header("Content-Length", str(last + 1 - start))
        if asked:
            self.send_header("Content-Range", f"bytes {start}-{last}/{size}")
        self.end_headers()
        self.wfile.flush()
        if has_body and size:
            with path.open("rb") as file:
                self.connection.sendfile(file, start, last + 1 - start)


def main(folder: str) -> None:
    """Serve a folder on a free port, which is printed."""
    Handler.folder = Path(folder)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    print(server.server_address[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1])

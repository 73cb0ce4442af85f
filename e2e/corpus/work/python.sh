#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Python: a package is installed by pip, a service answers requests and starts programs.
# image: debian
set -euo pipefail

mkdir -p /tmp/package/ordinary && cd /tmp/package
printf 'from setuptools import setup\nsetup(name="ordinary", version="1.0", packages=["ordinary"], entry_points={"console_scripts": ["ordinary=ordinary:main"]})\n' > setup.py
printf 'def main():\n    print("ordinary program")\n' > ordinary/__init__.py
pip install --quiet --no-index --no-build-isolation --break-system-packages --root-user-action ignore /tmp/package
ordinary
cat > /tmp/service.py <<'P'
import http.server, json, mmap, multiprocessing, os, pty, sqlite3, subprocess, tempfile, threading, urllib.request

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        made = subprocess.run("echo from a shell; id -u", shell=True, capture_output=True, text=True).stdout
        self.send_response(200)
        self.end_headers()
        self.wfile.write(made.encode())

    def log_message(self, *arguments):
        pass

def square(number):
    return number * number

if __name__ == "__main__":
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for _ in range(3):
        print(urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/").read().decode().split())
    server.shutdown()
    with multiprocessing.Pool(2) as pool:
        print(pool.map(square, range(5)))
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"x" * 4096)
        file.flush()
        with mmap.mmap(file.fileno(), 4096) as memory:
            memory[0:1] = b"y"
            print(memory[0:2])
    database = sqlite3.connect("/volume/database")
    database.execute("create table t (n)")
    database.executemany("insert into t values (?)", [(n,) for n in range(100)])
    database.commit()
    print(database.execute("select sum(n) from t").fetchone())
    pty.spawn(["sh", "-c", "test -t 0 && echo a terminal"])
P
python3 -u /tmp/service.py < /dev/null

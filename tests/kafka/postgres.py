"""Starts a PostgreSQL of its own in a directory, on a socket there, and prints its DSN; ends with standard input.

PostgreSQL refuses to run as root, so root becomes the user "postgres" that the Debian package makes.
"""

import os
import pathlib
import pwd
import shutil
import subprocess
import sys


def program(name):
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    path = str(found[-1]) if found else shutil.which(name)
    if path is None:
        sys.exit(f"{name} is not installed: apt-get install postgresql")
    return path


def main(directory):
    user = {}
    if os.getuid() == 0:
        entry = pwd.getpwnam("postgres")
        os.chown(directory, entry.pw_uid, entry.pw_gid)
        user = {"user": entry.pw_uid, "group": entry.pw_gid}
    data = f"{directory}/data"
    subprocess.run(
        [program("initdb"), "-D", data, "-A", "trust", "-U", "alpr", "--no-sync"], check=True, capture_output=True, cwd=directory, **user
    )
    server = subprocess.Popen(
        [program("postgres"), "-D", data, "-k", directory, "-c", "listen_addresses=", "-c", "fsync=off"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=directory,
        **user,
    )
    ready = [program("pg_isready"), "-q", "-h", directory]
    while subprocess.run(ready, check=False).returncode:
        if server.poll() is not None:
            sys.exit("postgres did not start")
    print(f"postgresql:///postgres?host={directory}&user=alpr", flush=True)
    sys.stdin.read()
    server.terminate()
    server.wait()


if __name__ == "__main__":
    main(sys.argv[1])

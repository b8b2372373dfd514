"""What the tests need from the operating system: a Chromium and a PostgreSQL server.

Run by `make test`. On Debian as root it installs what is missing; elsewhere one line says what to install.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

PACKAGES = {"chromium": "a browser for the page tests", "postgresql": "a second database for the store tests"}


def missing() -> list[str]:
    """The Debian packages whose programs this machine lacks."""
    present = {
        "chromium": shutil.which("chromium") or shutil.which("chromium-browser"),
        "postgresql": shutil.which("initdb") or sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb")),
    }
    return [package for package in PACKAGES if not present[package]]


def main() -> int:
    packages = missing()
    if not packages:
        return 0
    if os.geteuid() == 0 and shutil.which("apt-get"):
        print("Installing for the tests:", *packages, flush=True)
        environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "update", "-qq"], check=True, env=environment)
        command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages]
        return subprocess.run(command, env=environment, stdout=subprocess.DEVNULL).returncode
    wanted = "; ".join(f"{package} ({PACKAGES[package]})" for package in packages)
    print(f"Some tests will be skipped. To run them all, install: {wanted}.", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())

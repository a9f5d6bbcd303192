"""`python -m warung` is `warung`."""

from warung.cli import main

main()

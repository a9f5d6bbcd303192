"""The file of the streams on a full disk, or damaged: the server stays up, says so, and recovers."""

import sqlite3
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from durability.replica import LEASE_SECONDS
from durability.shop import Shop, open_shop
from durability.stories import asked, check
from streams.test_sqlite_troubles import full_disk

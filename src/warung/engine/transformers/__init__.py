"""The engine that runs any Hugging Face model; what its threads do while they wait is settled before torch is
loaded, since the OpenMP library reads it once."""

import os

# The threads of an operation wait for each other. By default they spin for milliseconds, which takes the core
# from the very thread that is waited for when another program, or the event loop, uses it too.
os.environ.setdefault("GOMP_SPINCOUNT", "20000")

"""llama.cpp's own HTTP server out of the xllamacpp wheel, until a signal ends it.

Run in an environment that has xllamacpp: python llama_server.py FILE.gguf PORT STREAMS.
"""

# pyright: reportMissingImports=false, reportUnknownMemberType=false, reportUnknownVariableType=false

import os
import signal
import sys

import xllamacpp

_SLOT_TOKENS = 512


def main() -> None:
    model, port, streams = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    params = xllamacpp.CommonParams()
    params.model.path = model
    params.hostnames, params.port = ["127.0.0.1"], port
    params.n_parallel, params.n_ctx = streams, streams * _SLOT_TOKENS
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = os.cpu_count()
    server = xllamacpp.Server(params)
    sys.stdout.write(f"{server.listening_address}\n")
    signal.pause()


if __name__ == "__main__":
    main()

"""Who holds which block of the KV cache, and which blocks hold a prefix that others can share; no torch.

Prefixes are shared by a hash of each full block and all before it, as in vLLM's automatic prefix caching
(Kwon et al., SOSP 2023).
"""

import hashlib
from collections import OrderedDict
from collections.abc import Iterable, Sequence

Digest = bytes


def chain(parent: Digest, tokens: Sequence[int]) -> Digest:
    """The digest of a full block and all that stands before it."""
    content = b"".join(token.to_bytes(8, "little") for token in tokens)
    return hashlib.blake2b(parent + content, digest_size=16).digest()


class BlockPool:
    """`count` blocks of `block_tokens` tokens each.

    A block is held (references > 0), cached (none, but its content can be shared again) or empty. Cached
    blocks are given away least recently used first, when no empty one is left.
    """

    def __init__(self, count: int, block_tokens: int) -> None:
        self.count = count
        self.block_tokens = block_tokens
        self._references = [0] * count
        self._empty = list(range(count - 1, -1, -1))
        self._digests: dict[int, Digest] = {}  # of held and cached blocks that are full
        self._by_digest: dict[Digest, int] = {}
        self._cached: OrderedDict[int, None] = OrderedDict()

    @property
    def available(self) -> int:
        """Blocks that could be allocated now."""
        return len(self._empty) + len(self._cached)

    def allocate(self) -> int | None:
        """A block of the caller's own, None when all are held."""
        if self._empty:
            block = self._empty.pop()
        elif self._cached:
            block, _ = self._cached.popitem(last=False)
            self._forget(block)
        else:
            return None
        self._references[block] = 1
        return block

    def find(self, digest: Digest) -> int | None:
        """The block with this content, now held once more; None when there is none."""
        block = self._by_digest.get(digest)
        if block is None:
            return None
        self._cached.pop(block, None)
        self._references[block] += 1
        return block

    def knows(self, digest: Digest) -> bool:
        """Whether `find` would find it."""
        return digest in self._by_digest

    def publish(self, block: int, digest: Digest) -> None:
        """Let others find a full block that the caller holds; of two equal blocks the first stays known."""
        if digest not in self._by_digest:
            self._by_digest[digest] = block
            self._digests[block] = digest

    def release(self, blocks: Iterable[int]) -> None:
        """Give blocks back. The last of a chain goes first, so that prefixes stay longest."""
        for block in reversed(list(blocks)):
            self._references[block] -= 1
            if self._references[block]:
                continue
            if block in self._digests:
                self._cached[block] = None
            else:
                self._empty.append(block)

    def _forget(self, block: int) -> None:
        del self._by_digest[self._digests.pop(block)]

"""Merkle tree hashes of RFC 6962, 2.1: leaves and nodes have prefixes, so that neither passes for the other."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable


def leaf_hash(data: bytes) -> bytes:
    """SHA-256(0x00 ‖ data)."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 ‖ left ‖ right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root(leaves: Iterable[bytes]) -> bytes:
    """The tree's hash over the data of the leaves, in order; of no leaves SHA-256 of nothing.

    Keeps one hash per level: complete subtrees are joined as soon as they are of one size, what is left over at the
    end from the right. That is RFC 6962's split at the largest power of two below the number of leaves.
    """
    stack: list[tuple[int, bytes]] = []
    for data in leaves:
        height, current = 0, leaf_hash(data)
        while stack and stack[-1][0] == height:
            current = node_hash(stack.pop()[1], current)
            height += 1
        stack.append((height, current))
    if not stack:
        return hashlib.sha256(b"").digest()
    found = stack.pop()[1]
    while stack:
        found = node_hash(stack.pop()[1], found)
    return found

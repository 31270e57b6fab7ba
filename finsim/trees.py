"""Gradient-boosted trees of LightGBM's text format, evaluated by a compiled kernel.

A round often holds a few dozen requests, and the library takes several microseconds for each (measured: 5 for 100
trees of 31 leaves). The kernel goes tree by tree over a block of rows, adds the leaves in the library's order and
gives the library's number. What it does not know (categorical splits, linear leaves, other objectives than
binary ones) is left to the library.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from finsim.compile import kernel

CATEGORICAL, DEFAULT_LEFT = 1, 2
MISSING_ZERO, MISSING_NAN = 1, 2
ZERO: Final = 1e-35  # LightGBM's kZeroThreshold
BLOCK: Final = 256


class Forest(NamedTuple):
    """Trees as flat arrays; children below 0 are leaves, -1 the first leaf of the tree.

    Attributes:
        first_node, first_leaf: (trees + 1,) int64 first position of each tree.
        feature: (nodes,) int32 column.
        threshold: (nodes,) float64.
        kind: (nodes,) uint8, LightGBM's decision type.
        left, right: (nodes,) int32 node within the tree.
        leaf: (leaves,) float64.
    """

    first_node: Any
    first_leaf: Any
    feature: Any
    threshold: Any
    kind: Any
    left: Any
    right: Any
    leaf: Any


@dataclass(frozen=True)
class Trees:
    """A fitted binary classifier.

    Attributes:
        names: columns in order.
        forest: its trees.
        sigmoid: factor of the logistic function.
    """

    names: tuple[str, ...]
    forest: Forest
    sigmoid: float

    def predict(self, matrix: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return probabilities, (n,) float32, of rows, (n, len(names)) float32."""
        total = np.zeros(len(matrix))
        evaluate(np.ascontiguousarray(matrix, dtype=np.float32), self.forest, total)
        odds = np.exp(-np.clip(self.sigmoid * total, -700.0, 700.0))
        return np.asarray(1.0 / (1.0 + odds), dtype=np.float32)


def parse(text: str) -> Trees | None:
    """Return the trees of a LightGBM text model, or None where only the library can evaluate it.

    Args:
        text: what `Booster.save_model` wrote.

    Raises:
        ValueError: it is no such text, or is cut off.
    """
    if not text.startswith("tree\n") or "\nend of trees" not in text:
        raise ValueError("it is no complete text model of LightGBM")
    head, *blocks = text.partition("\nend of trees")[0].split("\nTree=")
    about = _fields(head)
    objective = about.get("objective", "").split()
    if not objective or objective[0] not in ("binary", "cross_entropy") or "average_output" in head.split("\n"):
        return None
    if about.get("num_class", "1") != "1" or about.get("num_tree_per_iteration", "1") != "1":
        return None
    trees = [_fields(block) for block in blocks]
    if any(tree.get("num_cat", "0") != "0" or tree.get("is_linear", "0") != "0" for tree in trees):
        return None
    sigmoid = next((float(word.partition(":")[2]) for word in objective if word.startswith("sigmoid:")), 1.0)
    return Trees(tuple(about["feature_names"].split()), _forest(trees), sigmoid)


def _fields(block: str) -> dict[str, str]:
    """Return the key=value lines of a block."""
    return {key: value for key, _, value in (line.partition("=") for line in block.split("\n")) if value}


def _forest(trees: list[dict[str, str]]) -> Forest:
    def numbers(name: str, kind: Any) -> tuple[NDArray[Any], NDArray[np.int64]]:
        parts = [np.array(tree.get(name, "").split(), dtype=float).astype(kind) for tree in trees]
        starts = np.cumsum([0, *map(len, parts)], dtype=np.int64)
        return np.concatenate(parts) if parts else np.empty(0, kind), starts

    feature, first_node = numbers("split_feature", np.int32)
    leaf, first_leaf = numbers("leaf_value", np.float64)
    rest = [
        numbers(name, kind)[0]
        for name, kind in (
            ("threshold", np.float64),
            ("decision_type", np.uint8),
            ("left_child", np.int32),
            ("right_child", np.int32),
        )
    ]
    if any(len(part) != len(feature) for part in rest):
        raise ValueError("its trees do not fit together")
    threshold, kind, left, right = rest
    return Forest(first_node, first_leaf, feature, threshold, kind, left, right, leaf)


@kernel
def evaluate(matrix, forest, total):  # type: ignore[no-untyped-def]
    """Add the leaf of every tree to total, (n,) float64, for rows, (n, k) float32."""
    for start in range(0, matrix.shape[0], BLOCK):
        stop = min(start + BLOCK, matrix.shape[0])
        for tree in range(forest.first_node.shape[0] - 1):
            base = forest.first_node[tree]
            leaves = forest.first_leaf[tree]
            empty = forest.first_node[tree + 1] == base
            for i in range(start, stop):
                node = -1 if empty else 0
                while node >= 0:
                    k = base + node
                    value = np.float64(matrix[i, forest.feature[k]])
                    missing = forest.kind[k] >> 2 & 3
                    if np.isnan(value) and missing != MISSING_NAN:
                        value = 0.0
                    if (missing == MISSING_NAN and np.isnan(value)) or (missing == MISSING_ZERO and abs(value) <= ZERO):
                        goes_left = forest.kind[k] & DEFAULT_LEFT != 0
                    else:
                        goes_left = value <= forest.threshold[k]
                    node = forest.left[k] if goes_left else forest.right[k]
                total[i] += forest.leaf[leaves - node - 1]

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

DEFAULT_LEFT: Final = 2
MISSING_ZERO: Final = 1
ZERO: Final = 1e-35  # LightGBM's kZeroThreshold
BLOCK: Final = 256


NODE: Final = np.dtype(
    [
        ("threshold", "f4"),  # largest float32 that is not above the model's: rows are float32, so this decides alike
        ("feature", "i2"),
        ("left", "i2"),  # node within the tree; below 0 a leaf, -1 the first
        ("right", "i2"),
        ("nan_left", "u1"),  # where a missing value goes
        ("zero_missing", "u1"),  # whether zero counts as missing
    ],
    align=True,
)
"""One decision; all of a tree stay in the innermost cache."""


class Forest(NamedTuple):
    """Trees as flat arrays.

    Attributes:
        first_node, first_leaf: (trees + 1,) int64 first position of each tree.
        nodes: (nodes,) NODE.
        leaf: (leaves,) float64.
    """

    first_node: Any
    first_leaf: Any
    nodes: Any
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
    nodes = np.zeros(len(feature), dtype=NODE)
    nodes["feature"], nodes["left"], nodes["right"] = feature, left, right
    low = threshold.astype(np.float32)
    nodes["threshold"] = np.where(low > threshold, np.nextafter(low, np.float32(-np.inf)), low)
    missing, by_default = kind >> 2 & 3, kind & DEFAULT_LEFT != 0
    nodes["nan_left"] = np.where(missing == 0, threshold >= 0, by_default)  # without missing values nan counts as zero
    nodes["zero_missing"] = missing == MISSING_ZERO
    return Forest(first_node, first_leaf, nodes, leaf)


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
                    n = forest.nodes[base + node]
                    value = matrix[i, n.feature]
                    goes_left = value <= n.threshold
                    if np.isnan(value) or (n.zero_missing and abs(value) <= ZERO):
                        goes_left = n.nan_left != 0
                    node = np.int64(n.left) if goes_left else np.int64(n.right)
                total[i] += forest.leaf[leaves - node - 1]

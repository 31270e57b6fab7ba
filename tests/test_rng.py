"""Random numbers and ids: published vectors, known quantiles, bijections that tell nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats

from finsim import ids
from finsim.rng import Purpose, Streams, philox_words, pick, poisson, purpose_keys, to_normal

WORD = st.integers(0, 2**64 - 1)
Z = 5.0
"""Tests at fixed seeds allow five standard errors: two-sided alpha 6e-7."""

# kat_vectors of the Random123 distribution (Salmon et al. 2011), philox4x32 with 10 rounds.
KNOWN = [
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]


@pytest.mark.parametrize(("counter", "key", "words"), KNOWN)
def test_philox_gives_the_published_words(
    counter: tuple[int, ...], key: tuple[int, ...], words: tuple[int, ...]
) -> None:
    out = np.empty(4, dtype=np.uint32)
    philox_words(np.uint64(key[0] | key[1] << 32), np.array(counter, dtype=np.uint32), out)
    assert tuple(out.tolist()) == words


def test_normal_quantiles_are_those_of_scipy() -> None:
    words = np.concatenate([np.arange(2000), np.arange(0, 2**32, 1_234_567), 2**32 - 1 - np.arange(2000)])
    u = (np.sort(words) + 0.5) / 2**32
    ours, theirs = to_normal(u), special.ndtri(u)
    # PPND7 is documented to about one part in 10**7; near 0 the absolute error counts.
    np.testing.assert_allclose(ours, theirs, rtol=3e-7, atol=3e-7)
    assert (np.diff(ours) >= 0).all()
    np.testing.assert_allclose(to_normal(1.0 - u[:50]), -ours[:50], rtol=1e-6)


@pytest.mark.parametrize("rate", [0.01, 0.7, 3.0, 20.0])
def test_poisson_inverts_the_distribution_function(rate: float) -> None:
    u = (np.arange(500) + 0.5) / 500
    assert [poisson(x, rate) for x in u] == stats.poisson.ppf(u, rate).astype(int).tolist()


def test_pick_takes_each_with_its_weight() -> None:
    weights = np.array([0.0, 2.0, 0.0, 1.0, 5.0])
    u = (np.arange(800) + 0.5) / 800
    found = np.bincount([pick(np.cumsum(weights), x) for x in u], minlength=5)
    assert found.tolist() == [0, 200, 0, 100, 500]


def test_uniforms_are_uniform_and_independent() -> None:
    n = 20_000
    u = Streams(11).uniform(Purpose.PLACE, n)
    assert ((u > 0) & (u < 1)).all()
    assert np.abs(u.mean(axis=0) - 0.5).max() < Z / np.sqrt(12 * n)
    between = np.corrcoef(
        np.column_stack([u, Streams(12).uniform(Purpose.PLACE, n), Streams(11).uniform(Purpose.MEANS, n)]).T
    )
    assert np.abs(between - np.eye(12)).max() < Z / np.sqrt(n)
    counts = np.histogram(u[:, 0], bins=64, range=(0, 1))[0]
    assert stats.chisquare(counts).pvalue > 1e-6


def test_a_draw_depends_on_all_that_it_is_asked_for_and_on_nothing_else() -> None:
    streams = Streams(3)
    base = {"second": 1, "ordinal": 2, "draw": 3}
    one = streams.one(Purpose.LIFE, 7, **base)
    assert (streams.uniform(Purpose.LIFE, np.array([9, 7]), **base)[1] == one).all()
    others = [streams.one(Purpose.LIFE, 7, **{**base, name: 9}) for name in base]
    others += [
        streams.one(Purpose.LIFE, 8, **base),
        streams.one(Purpose.CASH, 7, **base),
        Streams(4).one(Purpose.LIFE, 7, **base),
    ]
    assert all((other != one).all() for other in others)
    assert len(set(purpose_keys(3).tolist())) == len(Purpose)


# -- ids ------------------------------------------------------------------------------------------------------


@given(WORD, WORD)
@settings(max_examples=300, deadline=None)
def test_unmix_undoes_mix(value: int, key: int) -> None:
    mixed = ids.mix64(np.uint64(value), np.uint64(key))
    assert int(ids.unmix64(np.uint64(mixed), np.uint64(key))) == value


@given(WORD)
@settings(max_examples=20, deadline=None)
def test_exported_ids_are_distinct(key: int) -> None:
    generator = np.random.default_rng(key % 1000)
    values = np.unique(
        np.concatenate([np.arange(50_000), generator.integers(0, 2**32, 50_000), 2**32 - 1 - np.arange(1000)])
    )
    out = np.empty(len(values), dtype=np.uint32)
    ids.mix32_array(values.astype(np.uint32), np.uint64(key), out)
    assert len(np.unique(out)) == len(values)


def test_the_bijection_of_32_bits_has_an_inverse() -> None:
    """Every step of mix32 is undone by arithmetic of its own, so no two values can meet."""
    mask = 2**32 - 1

    def unshift(value: int, by: int) -> int:
        out = value
        for _ in range(32 // by + 1):
            out = value ^ (out >> by)
        return out

    def inverse(value: int, key: int) -> int:
        v = unshift(value, 16) * pow(0x846CA68B, -1, 2**32) & mask
        v = unshift((v - (key >> 32)) & mask, 15) * pow(0x7FEB352D, -1, 2**32) & mask
        return (unshift(v, 16) ^ key) & mask

    for key in (0, 1, 2**63 + 12345, 2**64 - 1):
        for value in (0, 1, 77, 2**31, 2**32 - 1, 123_456_789):
            assert inverse(int(ids.mix32(np.uint32(value), np.uint64(key))), key) == value


@given(
    st.integers(0, 4),
    st.integers(0, 2**24 - 1),
    st.integers(0, 15),
    st.integers(14610, 14610 + 2**15 - 1),
    st.integers(0, 2**18 - 1),
)
@settings(max_examples=200, deadline=None)
def test_a_transaction_id_holds_all_its_parts(kind: int, row: int, purpose: int, day: int, ordinal: int) -> None:
    key = ids.IdKeys(5).transaction
    number = ids.transaction_id(key, kind, row, purpose, day, np.int64(ordinal))
    packed = int(ids.unmix64(np.uint64(number), key))
    assert (packed >> 61, packed >> 37 & (1 << 24) - 1, packed >> 33 & 15, packed & (1 << 18) - 1) == (
        kind,
        row,
        purpose,
        ordinal,
    )
    assert ids.day_of(key, np.uint64(number)) == day


def test_codes_of_different_owners_never_meet() -> None:
    pack = (ids.pack_customer, ids.pack_merchant, ids.ring_code, ids.pack_outside)
    codes = []
    for kind, function in enumerate(pack):
        rows, ordinals = ids.capacity(kind)
        edge = [(0, 0), (0, ordinals - 1), (rows - 1, 0), (1, 0), (rows // 2, ordinals // 2), (rows - 2, ordinals - 1)]
        codes += [int(function(row, ordinal)) for row, ordinal in edge]
    assert len(set(codes)) == len(codes)
    assert ids.NO_CODE not in codes


def test_ids_tell_nothing() -> None:
    n = 20_000
    keys = ids.IdKeys(1)
    rows = np.arange(n, dtype=np.uint32)
    exported = keys.export("customer", rows << np.uint32(7))
    assert abs(stats.spearmanr(rows, exported).statistic) < Z / np.sqrt(n)
    for bit in range(32):
        share = float((exported >> np.uint32(bit) & np.uint32(1)).mean())
        assert abs(share - 0.5) < Z * 0.5 / np.sqrt(n)
    assert (keys.export("card", rows) != keys.export("account", rows)).mean() > 0.999
    assert (ids.IdKeys(2).export("customer", rows) != keys.export("customer", rows)).mean() > 0.999

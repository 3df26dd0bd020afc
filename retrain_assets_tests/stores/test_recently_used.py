"""The cache never holds more than its limit, and forgets what was not used for longest."""

from hypothesis import given
from hypothesis import strategies as st

from retrain_assets.stores.recently_used import RecentlyUsed


def cache(limit: int = 10) -> RecentlyUsed[str, str]:
    return RecentlyUsed(limit, size_of=len)


def test_the_least_recently_used_leaves_first():
    kept = cache()
    for key in "ab":
        kept.put(key, key * 5)
    assert kept.get("a") == "aaaaa"
    kept.put("c", "ccccc")
    assert (kept.get("a"), kept.get("b"), kept.get("c")) == ("aaaaa", None, "ccccc")


def test_what_is_too_large_is_not_kept():
    kept = cache()
    assert kept.put("a", "a")
    assert not kept.put("b", "b" * 11)
    assert (kept.get("a"), kept.get("b"), kept.size) == ("a", None, 1)


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 12))))
def test_it_never_grows_beyond_its_limit(puts):
    kept = cache()
    for key, size in puts:
        kept.put(key, key * size)
        held = [value for name in "abcdef" if (value := kept.get(name)) is not None]
        assert kept.size == sum(map(len, held)) <= 10
        assert len(kept) == len(held)

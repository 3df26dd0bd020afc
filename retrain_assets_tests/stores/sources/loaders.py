"""Callables of users."""

import pandas as pd


def hourly(start, end, *, step="1D", scale=1.0):
    """Rows of a window."""
    times = pd.date_range(start, end, freq=step, inclusive="left")
    return pd.DataFrame(
        {
            "when": times,
            "value": [scale * number for number in range(len(times))],
            "place": pd.Categorical(["b", "a"] * len(times), categories=["b", "a"])[: len(times)],
        }
    )


def nothing(start, end):
    """No rows."""
    return pd.DataFrame({"when": []})


def a_list(start, end):
    """Not a DataFrame."""
    return [1, 2]


def mixed(start, end):
    """No table can hold it."""
    return pd.DataFrame({"x": ["a", 1]})


def failing(start, end):
    """An error of the user's own."""
    raise ConnectionError("the API is down")

"""What a subject may offer: the classes of input and use that can be declared away or refused.

A probe names the features it needs. It is asked where the adapter can express all of them
and the subject has not declared one away.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

DTYPES = ("float64", "float32", "float16", "bfloat16")

PARAMETERS = ("scalar parameters", "broadcast parameters", "elementwise parameters")

LAYOUTS = ("strides", "negative strides", "zero strides", "read-only")

# What a subject may refuse, with a clear error, without having declared it.
REFUSABLE = (
    *LAYOUTS,
    "integers",
    "mixed types",
    "0-d",
    "empty",
    "second backward",
    "second order",
)

FEATURES = (*DTYPES, *PARAMETERS, *REFUSABLE, "threads", "state", "subnormals", "any size",
            "editable output")  # fmt: skip

# A list says what is offered, and the rest of its kind is not.
_LISTS = {"dtypes": DTYPES, "parameters": PARAMETERS, "layouts": LAYOUTS}

# Asked of the adapter or of how the probes are made, never declared.
_INTERNAL = ("state", "any size", "editable output")

KEYS = (
    *_LISTS,
    "order",
    *(f for f in FEATURES if f not in (*_INTERNAL, *sum(_LISTS.values(), ()))),
)


def withheld(capabilities: Mapping[str, Any]) -> frozenset[str]:
    """The features that a declaration takes away.

    Parameters
    ----------
    capabilities : mapping
        ``"dtypes"``, ``"parameters"`` (``"scalar"``, ``"broadcast"``, ``"elementwise"``) and
        ``"layouts"`` are lists of what is offered (``"layouts": []`` for contiguous arrays
        only); ``"order"`` is 1 or 2; any other feature is False where it is not offered.

    Raises
    ------
    ValueError
        If a key or value is unknown; the message says which, and what there is.

    Examples
    --------
    >>> sorted(withheld({"dtypes": ["float64", "float32"], "order": 1, "empty": False}))
    ['bfloat16', 'empty', 'float16', 'second order']
    """
    gone: set[str] = set()
    for key, value in capabilities.items():
        if key not in KEYS:
            raise ValueError(f"no capability {key!r}{near(key, KEYS)}; there are {', '.join(KEYS)}")
        if key in _LISTS:
            if not isinstance(value, (str, list, tuple, set, frozenset)):
                raise ValueError(f"{key} is a list of what is offered: {value!r}")
            offered = [value] if isinstance(value, str) else list(value)
            if key == "parameters":
                offered = [f"{v} parameters" if " " not in str(v) else v for v in offered]
            for feature in offered:
                if feature not in _LISTS[key]:
                    raise ValueError(
                        f"{key} has no {feature!r}: there are {', '.join(_LISTS[key])}"
                    )
            gone |= set(_LISTS[key]) - set(offered)
        elif key == "order":
            if value not in (1, 2):
                raise ValueError(f"order is 1 or 2, the highest derivative offered: {value!r}")
            gone |= {"second order"} if value == 1 else set()
        elif not isinstance(value, bool):
            raise ValueError(f"{key} is True or False: {value!r}")
        elif not value:
            gone.add(key)
    if gone >= set(DTYPES) or gone >= set(PARAMETERS):
        raise ValueError("nothing is left to ask: offer one type and one shape of parameters")
    return frozenset(gone)


def parse(texts: Iterable[str]) -> dict[str, Any]:
    """Capabilities from ``key=value`` texts of a command line.

    Examples
    --------
    >>> parse(["dtypes=float64,float32", "empty=no", "layouts="])
    {'dtypes': ['float64', 'float32'], 'empty': False, 'layouts': []}
    """
    found: dict[str, Any] = {}
    words = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals:
            raise ValueError(f"{text!r} is not key=value, for example dtypes=float64,float32")
        if key in _LISTS:
            found[key] = [part.strip() for part in value.split(",") if part.strip()]
        elif key == "order" and value.isdigit():
            found[key] = int(value)
        else:
            found[key] = words.get(value.lower(), value)
    return found


def known(feature: str) -> str:
    """The feature, if there is one of that name; else ValueError."""
    offered = [f for f in FEATURES if f not in _INTERNAL]
    if feature not in offered:
        raise ValueError(
            f"no feature {feature!r}{near(feature, offered)}; there are {', '.join(offered)}"
        )
    return feature


def near(word: object, words: Iterable[str]) -> str:
    """``: did you mean ...?``, or nothing."""
    close = get_close_matches(str(word), list(words), 1)
    return f": did you mean {close[0]!r}?" if close else ""

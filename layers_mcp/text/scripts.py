"""Which characters need invisible ones beside them, by Unicode's blocks and emoji data (15.1)."""

from __future__ import annotations

import re
from unicodedata import category

_EMOJI = re.compile(
    "[\u00a9\u00ae\u203c\u2049\u2122\u2139\u2194-\u2199\u21a9\u21aa\u231a\u231b\u2328\u2388\u23cf\u23e9-\u23f3"
    "\u23f8-\u23fa\u24c2\u25aa\u25ab\u25b6\u25c0\u25fb-\u25fe\u2600-\u2605\u2607-\u2612\u2614-\u2685\u2690-\u2705"
    "\u2708-\u2712\u2714\u2716\u271d\u2721\u2728\u2733\u2734\u2744\u2747\u274c\u274e\u2753-\u2755\u2757\u2763-\u2767"
    "\u2795-\u2797\u27a1\u27b0\u27bf\u2934\u2935\u2b05-\u2b07\u2b1b\u2b1c\u2b50\u2b55\u3030\u303d\u3297\u3299"
    "\U0001f000-\U0001f0ff\U0001f10d-\U0001f10f\U0001f12f\U0001f16c-\U0001f171\U0001f17e\U0001f17f\U0001f18e"
    "\U0001f191-\U0001f19a\U0001f1ad-\U0001f1e5\U0001f201-\U0001f20f\U0001f21a\U0001f22f\U0001f232-\U0001f23a"
    "\U0001f23c-\U0001f23f\U0001f249-\U0001f3fa\U0001f400-\U0001f53d\U0001f546-\U0001f64f\U0001f680-\U0001f6ff"
    "\U0001f774-\U0001f77f\U0001f7d5-\U0001f7ff\U0001f80c-\U0001f80f\U0001f848-\U0001f84f\U0001f85a-\U0001f85f"
    "\U0001f888-\U0001f88f\U0001f8ae-\U0001f8ff\U0001f90c-\U0001f93a\U0001f93c-\U0001f945\U0001f947-\U0001faff"
    "\U0001fc00-\U0001fffd]"
)
"""Extended_Pictographic."""
_JOINING = re.compile(
    "[\u0600-\u085f\u0860-\u08ff\u0900-\u0dff\u1000-\u109f\u1780-\u17ff\u1800-\u18af\u1900-\u1aaf\u1b00-\u1c4f"
    "\u1cd0-\u1cff\ua800-\ua87f\ua880-\ua8ff\ua980-\ua9ff\uaa00-\uaa7f\uaae0-\uaaff\uabc0-\uabff\ufb50-\ufdff"
    "\ufe70-\ufefc\U00010ac0-\U00010aff\U00010b80-\U00010baf\U00010d00-\U00010d3f\U00010f30-\U00010fdf"
    "\U00011000-\U00011fff\U0001e900-\U0001e95f]"
)
"""Scripts whose letters join, or are stacked: Arabic, Syriac, N'Ko, Mandaic, Mongolian, and the Indic family."""
_UNSPACED = re.compile("[\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u1950-\u19df\u1a20-\u1aaf\ua980-\ua9ff\uaa60-\uaa7f]")
"""Scripts that set no blanks between words: Thai, Lao, Tibetan, Myanmar, Khmer and their kin."""
_MONGOLIAN = re.compile("[\u1820-\u18aa]")
_IDEOGRAPH = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_STANDARDIZED = re.compile(
    "[\u1000-\u109f\u2200-\u22ff\u2a00-\u2aff\u3001\u3002\ua840-\ua877\uaa60-\uaa7f\uff01\uff0c\uff0e\uff1a\uff1b\uff1f]"
)
"""What else has standardized variants: Myanmar, mathematical operators, Phags-pa, East Asian punctuation."""


def is_emoji(char: str) -> bool:
    """Return whether a character is a pictograph, which may stand alone or be joined to others."""
    return _EMOJI.fullmatch(char) is not None


def is_skin_tone(char: str) -> bool:
    """Return whether a character colours the emoji before it."""
    return "\U0001f3fb" <= char <= "\U0001f3ff"


def ends_emoji(char: str) -> bool:
    """Return whether a character may end the first part of a joined emoji: a pictograph, or its skin tone."""
    return is_emoji(char) or is_skin_tone(char)


def joins(char: str) -> bool:
    """Return whether a character is a letter or mark of a script in which joiners decide how it is drawn."""
    return _JOINING.fullmatch(char) is not None and category(char)[0] in "LM"


def is_unspaced(char: str) -> bool:
    """Return whether a character is a letter or mark of a script that may mark its words with zero-width spaces."""
    return _UNSPACED.fullmatch(char) is not None and category(char)[0] in "LM"


def has_variant(char: str, selector: str, following: str) -> bool:
    """Return whether `selector` may choose how `char` is drawn, with `following` after the two."""
    code = ord(selector)
    if code in (0xFE0E, 0xFE0F):
        return is_emoji(char) or (char in "0123456789#*" and following == "\u20e3")
    if 0x180B <= code <= 0x180F:  # Mongolian's selectors, and its vowel separator
        return _MONGOLIAN.fullmatch(char) is not None
    if 0xFE00 <= code <= 0xFE0D:
        return _IDEOGRAPH.fullmatch(char) is not None or _STANDARDIZED.fullmatch(char) is not None
    return 0xE0100 <= code <= 0xE011F and _IDEOGRAPH.fullmatch(char) is not None

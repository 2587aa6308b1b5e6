"""What ContrastBolusAgent means: an agent, none, nothing at all, or something that is not known."""

import re
from enum import StrEnum
from functools import lru_cache
from typing import Final

from opp_mri.dicom.roles.lexicon import Word, fold, read_words


class AgentText(StrEnum):
    """What the text of ContrastBolusAgent means."""

    GIVEN = "an agent"
    NONE = "no agent"
    SILENT = "nothing"
    UNKNOWN = "unknown"


_NONE: Final = frozenset({"0", "n", "na", "n/a", "n.a.", "nil", "null", "false", "-", "--", "n.v."})
_GIVEN: Final = frozenset(
    [
        *("yes", "y", "ja", "oui", "si", "sim", "tak", "ano", "evet", "да", "はい", "是", "예"),
        *("on", "true", "+", "administered", "given"),
    ]
)
_PLACEHOLDER: Final = re.compile(
    r"[\W_]*|x+|unk|unknown|unspecified|anonym\w*|removed|redacted|deleted|deidentified|de-identified"
)


@lru_cache(maxsize=1024)
def agent_text(text: str) -> AgentText:
    """Say what the text of ContrastBolusAgent means.

    Parameters
    ----------
    text
        As written; several agents are separated by backslashes.

    Returns
    -------
    AgentText
        UNKNOWN for a text that names no agent for MR that is known here, such as a drug.
    """
    folded = fold(text).strip()
    if folded in _NONE:
        return AgentText.NONE
    if folded in _GIVEN:
        return AgentText.GIVEN
    if _PLACEHOLDER.fullmatch(folded):
        return AgentText.SILENT
    tokens = read_words(text)
    if any(token.means(Word.WITHOUT, Word.PLAIN, Word.BEFORE) for token in tokens):
        named = any(token.means(Word.AGENT_NAME) for token in tokens)
        without = any(token.means(Word.WITHOUT) for token in tokens)
        return AgentText.NONE if without or not named else AgentText.UNKNOWN
    known = any(token.means(Word.AGENT, Word.ENHANCED, Word.AFTER) for token in tokens)
    return AgentText.GIVEN if known else AgentText.UNKNOWN

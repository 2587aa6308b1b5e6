"""What ContrastBolusAgent means: an agent, none, nothing at all, or something that is not known."""

import re
from collections.abc import Sequence
from enum import StrEnum
from functools import lru_cache
from typing import Final

from opp_mri.dicom.roles.lexicon import Token, Word, fold, read_words


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

# Stems of "administered", "injected" and "used": behind a denial they deny the agent
_ADMINISTERED: Final = (
    *("given", "admin", "used", "inject", "appl", "gegeben", "verabreich", "verwend", "gespritzt"),
    *("utilis", "donn", "somministr", "usat", "utilizz", "utiliz", "usad", "aplic", "injet"),
    *("inyect", "toegediend", "gebruikt", "podan", "uzyt", "pouzit", "givet", "givit", "gitt"),
    *("brukt", "anvand", "anvendt", "verildi", "veril", "kullan", "введ", "использ", "使用"),
    *("注射", "注入", "投与", "给药", "투여", "사용", "주입"),
)


@lru_cache(maxsize=1024)
def interpret_agent(text: str) -> AgentText:
    """Describe what the text of ContrastBolusAgent means.

    Parameters
    ----------
    text
        As written; several agents are separated by backslashes.

    Returns
    -------
    AgentText
        UNKNOWN for a text that names no agent for MR that is known here, such as a drug.
    """
    folded_text = fold(text).strip()
    if folded_text in _NONE:
        return AgentText.NONE
    if folded_text in _GIVEN:
        return AgentText.GIVEN
    if _PLACEHOLDER.fullmatch(folded_text):
        return AgentText.SILENT
    tokens = read_words(text)
    if any(token.has_meaning(Word.WITHOUT, Word.PLAIN, Word.BEFORE) for token in tokens):
        return AgentText.NONE if _has_denial(tokens) else AgentText.UNKNOWN
    has_agent_word = any(
        token.has_meaning(Word.AGENT, Word.ENHANCED, Word.AFTER) for token in tokens
    )
    return AgentText.GIVEN if has_agent_word else AgentText.UNKNOWN


def _has_denial(tokens: Sequence[Token]) -> bool:
    """Separate "no agent" and "Gadovist not given" from "non-ionic" and "Gadovist, no reaction"."""
    for number, token in enumerate(tokens):
        next_token = tokens[number + 1] if number + 1 < len(tokens) else None
        if token.has_meaning(Word.PLAIN):
            return True
        if next_token is None:
            return token.has_meaning(Word.WITHOUT, Word.BEFORE)
        if token.has_meaning(Word.BEFORE) and next_token.has_meaning(Word.AGENT_NAME):
            continue
        if token.has_meaning(Word.WITHOUT, Word.BEFORE) and (
            next_token.has_meaning(Word.AGENT) or next_token.text.startswith(_ADMINISTERED)
        ):
            return True
    return False

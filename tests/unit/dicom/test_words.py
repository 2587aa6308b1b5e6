"""Descriptions as technologists write them: many languages, with and without spaces and signs."""

from itertools import product

import pytest

from opp_mri.dicom.roles.agents import AgentText, interpret_agent
from opp_mri.dicom.roles.phrases import Saying, find_contrast_phrase, find_fat_suppression_phrase

YES, NO = Saying.YES, Saying.NO

# language: without contrast, before contrast, with contrast, after contrast
CONTRAST = {
    "en": ("without contrast", "pre contrast", "with contrast", "post contrast"),
    "de": ("ohne KM", "vor KM", "mit KM", "nach KM"),
    "fr": ("sans injection", "avant injection", "avec injection", "après injection"),
    "es": ("sin contraste", "antes de contraste", "con contraste", "después de contraste"),
    "it": ("senza mdc", "prima di mdc", "con mdc", "dopo mdc"),
    "pt": ("sem contraste", "antes do contraste", "com contraste", "após contraste"),
    "nl": ("zonder contrast", "voor contrast", "met contrast", "na contrast"),
    "pl": ("bez kontrastu", "przed kontrastem", "z kontrastem", "po kontraście"),
    "cs": ("bez kontrastu", "před kontrastem", "s kontrastem", "po kontrastu"),
    "sv": ("utan kontrast", "före kontrast", "med kontrast", "efter kontrast"),
    "da": ("uden kontrast", "før kontrast", "med kontrast", "efter kontrast"),
    "no": ("uten kontrast", "før kontrast", "med kontrast", "etter kontrast"),
    "tr": ("kontrastsız", "kontrast öncesi", "kontrastlı", "kontrast sonrası"),
    "ru": ("без контраста", "до контраста", "с контрастом", "после контраста"),
    "ja": ("造影なし", "造影前", "造影あり", "造影後"),
    "zh": ("无造影", "增强前", "增强", "增强后"),
    "ko": ("조영제 없이", "조영 전", "조영증강", "조영 후"),
}

# language: without fat suppression, with it
FAT = {
    "en": ("without fat sat", "fat sat"),
    "de": ("ohne Fettsättigung", "mit Fettsättigung"),
    "fr": ("sans suppression de graisse", "suppression de graisse"),
    "es": ("sin supresión de la grasa", "con supresión grasa"),
    "it": ("senza soppressione del grasso", "con soppressione del grasso"),
    "pt": ("sem supressão de gordura", "com supressão de gordura"),
    "nl": ("zonder vetsuppressie", "met vetsuppressie"),
    "pl": ("bez supresji tłuszczu", "z supresją tłuszczu"),
    "cs": ("bez potlačení tuku", "s potlačením tuku"),
    "sv": ("utan fettsuppression", "med fettsuppression"),
    "da": ("uden fedtsuppression", "med fedtsuppression"),
    "no": ("uten fettsuppresjon", "med fettmetning"),
    "tr": ("yağ baskısız", "yağ baskılı"),
    "ru": ("без подавления жира", "с подавлением жира"),
    "ja": ("脂肪抑制なし", "脂肪抑制"),
    "zh": ("不压脂", "压脂"),
    "ko": ("지방억제 없이", "지방억제"),
}
WRITTEN = ("T1 SAG {}", "{} t1 tse sag", "T1_TSE_SAG_{}", "SAG T1 ({})", "T1-TSE {} SAG L-SPINE")


def said_in_every_way(phrase: str) -> list[str]:
    """Return a phrase in several places, with underscores and in capitals."""
    ways = [form.format(way) for form, way in product(WRITTEN, (phrase, phrase.replace(" ", "_")))]
    return [*ways, *(way.upper() for way in ways)]


@pytest.mark.parametrize("language", CONTRAST)
def test_contrast_is_told_in_any_language_and_way_of_writing(language: str) -> None:
    without, before, with_agent, after = CONTRAST[language]
    for phrase, answer in ((without, NO), (before, NO), (with_agent, YES), (after, YES)):
        for text in said_in_every_way(phrase):
            assert find_contrast_phrase(text).saying is answer, text


@pytest.mark.parametrize("language", FAT)
def test_fat_suppression_is_told_in_any_language_and_way_of_writing(language: str) -> None:
    for phrase, answer in zip(FAT[language], (NO, YES), strict=True):
        for text in said_in_every_way(phrase):
            assert find_fat_suppression_phrase(text).saying is answer, text


@pytest.mark.parametrize(
    ("preposition", "noun", "answer"),
    [
        (preposition, noun, answer)
        for prepositions, answer in (
            (("post", "nach", "mit", "after", "w/", "with"), YES),
            (("pre", "vor", "ohne", "without", "w/o", "no", "non", "sans", "sin"), NO),
        )
        for preposition in prepositions
        for noun in ("contrast", "gd", "km", "gad", "kontrastmittel", "Gadovist", "contraste")
    ],
)
def test_preposition_and_noun_are_one_with_and_without_a_space(
    preposition: str, noun: str, answer: Saying
) -> None:
    for joint in (" ", "-", "_", ""):
        text = f"T1 SAG {preposition}{joint}{noun}"
        assert find_contrast_phrase(text).saying is answer, text


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        *((text, Saying.UNCLEAR) for text in ("pre/post", "POST-PRE", "prä/post 3")),
        *(("con medio", YES), ("con mezzo", YES), ("sin medio", NO), ("sans produit", NO)),
    ],
)
def test_both_orders_at_once_are_doubt_and_a_medium_is_that_of_contrast(
    text: str, answer: Saying
) -> None:
    assert find_contrast_phrase(f"T1 SAG {text}").saying is answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        *((text, NO) for text in ("KM-", "C-", "-C", "Gd (-)", "IV-", "造影(-)", "GD OFF", "W/O")),
        *((text, YES) for text in ("KM+", "C+", "+C", "Gd (+)", "IV+", "+ C", "T1+", "造影＋")),
        *((text, NO) for text in ("s/c", "s/ contraste", "s/mdc", "nativ", "NATIF", "plain")),
        *((text, YES) for text in ("c/c", "c/ contraste", "T1C", "p.c.", "post", "POST FS")),
    ],
)
def test_signs_and_abbreviations_are_read(text: str, answer: Saying) -> None:
    assert find_contrast_phrase(f"T1 SAG {text}").saying is answer


@pytest.mark.parametrize("preposition", ["post", "POST-", "pre ", "after ", "nach ", "St.p. post "])
@pytest.mark.parametrize(
    "treatment",
    [
        *("op", "RFA", "cryo", "cryoablation", "kyphoplasty", "fusion", "RT", "SBRT", "surgery"),
        *("3 months", "6 wk", "chemo", "biopsy", "Bestrahlung", "irradiation", "laminectomy"),
    ],
)
def test_after_a_treatment_is_not_after_contrast(preposition: str, treatment: str) -> None:
    phrase = find_contrast_phrase(f"T1 SAG {preposition} {treatment}")
    assert phrase.saying is Saying.TREATMENT, phrase


@pytest.mark.parametrize(
    "text",
    ["w/wo contrast", "with and without contrast", "pre and post gd", "mit und ohne KM", "KM +/-",
     "avec et sans injection", "W WO", "posterior", "presat", "T1 TSE SAG", "SPINE FS"],
)  # fmt: skip
def test_what_names_an_examination_or_nothing_says_nothing_of_contrast(text: str) -> None:
    assert find_contrast_phrase(text).saying is Saying.SILENT


@pytest.mark.parametrize("text", ["T1 post xyzzy", "T1 pre, T1 post", "kyphoplasty T1 post"])
def test_what_may_mean_contrast_or_not_is_unclear(text: str) -> None:
    assert find_contrast_phrase(text).saying is Saying.UNCLEAR


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        *((text, YES) for text in ("T2FS", "FSAT", "FATSAT", "SPAIR", "SPIR", "FS no contrast")),
        *((text, YES) for text in ("FS W/O GD", "frFSE fs", "t2_tse_fs_sag", "FatSup")),
        *((text, NO) for text in ("FS off", "nonFS", "no-FS", "FS-", "FS(-)", "w/o fat-sat")),
        *((text, Saying.SILENT) for text in ("FSE", "FRFSE-XL", "FFE", "SP", "SAT")),
    ],
)
def test_fat_words_are_not_found_in_other_words(text: str, answer: Saying) -> None:
    assert find_fat_suppression_phrase(f"T2 SAG {text}").saying is answer


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        *((text, AgentText.GIVEN) for text in ("Gadovist", "GD", "Gd-DTPA", "DOTAREM 15ML", "KM")),
        *((text, AgentText.GIVEN) for text in ("GADAVIST10ML", "Prohance 0.1 mmol/kg", "yes")),
        *(
            (text, AgentText.GIVEN)
            for text in ("Gadolinium-based contrast media", "マグネスコープ")
        ),
        *((text, AgentText.NONE) for text in ("off", "NONE", "Not used", "ohne", "kein KM", "No")),
        *((text, AgentText.NONE) for text in ("non utilisé", "nicht verwendet", "未使用", "なし")),
        *((text, AgentText.NONE) for text in ("нет", "yok", "brak", "n/a", "No contrast", "0")),
        *((text, AgentText.SILENT) for text in ("", "***", "XXXX", "removed", "?", "unknown")),
        *((text, AgentText.UNKNOWN) for text in ("Buscopan", "NaCl", "Ultravist", "10 ml", "foo")),
    ],
)
def test_an_agent_is_known_denied_absent_or_doubted(text: str, meaning: AgentText) -> None:
    assert interpret_agent(text) is meaning

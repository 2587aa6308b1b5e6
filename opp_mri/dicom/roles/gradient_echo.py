"""Whether an image is a gradient echo: by its header, or where that is silent, by other signs.

A de-identified header may lack ScanningSequence, and "RM" (research mode) names no sequence. Then
the makers' sequence names, the names of gradient echoes and the flip angle speak.
"""

import re
from typing import Final

from opp_mri.dicom.roles.finding import Finding
from opp_mri.dicom.roles.lexicon import fold
from opp_mri.domain.imaging import Instance, RoleCertainty

LARGEST_GRADIENT_ECHO_FLIP_DEGREES: Final = 70
"""Spin echoes are excited with 90 degrees, and their refocusing angle is larger."""

# SequenceName of Siemens (fl: FLASH, me: MEDIC, tfi: TrueFISP, ci: CISS, de: DESS) and others
_PULSES: Final = re.compile(
    r"\W*(fl[23]d|me[23]d|tfi|fi[23]d|ci3d|de3d|tfl|gre|fgre|fspgr|spgr|efgre|ffe|tfe|fe\d?d)\w*",
    re.IGNORECASE,
)
_NAMES: Final = re.compile(
    r"(?<![a-z])(medic|merge|m-?ffe|t[12]-?ffe|ffe|tfe|flash|ciss|fiesta\w*|true ?fisp|b-?ffe|dess"
    r"|f?spgr|vibe|lava|thrive|mprage|bravo|f?gre|gradient[ -]?echo|hemo|swan|swi|t2 ?star|t2\*"
    r"|adage|cosmic|vista ffe)(?![a-z])"
)


def judge_gradient_echo(instance: Instance) -> Finding[bool]:
    """Return whether an image is a gradient echo.

    Parameters
    ----------
    instance
        The header of the image's own frame; the flip angle in degrees.

    Returns
    -------
    Finding of bool
        None, in doubt, where only the flip angle says so.
    """
    sequence = {name.upper() for name in instance.scanning_sequence}
    echo = instance.echo_pulse_sequence.upper()
    end = ", which this project does not use."
    if "GR" in sequence or echo in {"GRADIENT", "BOTH"}:
        return Finding(value=True, sentence=f"A gradient echo{end}")
    if not sequence.isdisjoint({"SE", "IR"}) or echo == "SPIN":
        return Finding(value=False, sentence="")
    if _PULSES.fullmatch(instance.sequence_name):
        return Finding(
            value=True, sentence=f"A gradient echo ({instance.sequence_name.strip('* ')}){end}"
        )
    if match := _NAMES.search(fold(instance.series_description)):
        sentence = f'A gradient echo: the description says "{match[0]}"; this project uses none.'
        return Finding(value=True, sentence=sentence)
    flip = instance.flip_angle_deg
    if flip is not None and 0 < flip < LARGEST_GRADIENT_ECHO_FLIP_DEGREES:
        sentence = (
            f"It may be a gradient echo: a flip angle of {flip:g} degrees, and no "
            "ScanningSequence says that it is a spin echo."
        )
        return Finding(value=None, sentence=sentence, certainty=RoleCertainty.IN_DOUBT)
    return Finding(value=False, sentence="")

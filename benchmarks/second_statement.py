"""Whether the rules as coded equal their independent statement, on random lesions.

    python -m benchmarks.second_statement [LESIONS]

Draws lesions of random lengths, days, sequences, events and criteria, many of them on a limit of
the rules, and compares category, reason, deciding sequence, discordance and cautions in both modes
with those of `tests/spec/second_implementation.py`, which was written from the rules alone.
"""

import random
import sys
from collections import Counter
from pathlib import Path

from opp_mri.domain.assessment import Mode, Rules
from opp_mri.response.classify import classify

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from fixtures.random_lesions import random_criteria, random_timeline
from spec import second_implementation


def main() -> None:
    """Compare, and print how many differ and how often each reason occurred."""
    lesions = int(sys.argv[1]) if len(sys.argv) > 1 else 40_000
    differences, reasons = [], Counter[str]()
    for seed in range(lesions):
        rng = random.Random(seed)  # noqa: S311 - no secret
        timeline, criteria = random_timeline(rng), random_criteria(rng)
        for mode in Mode:
            own_answer = classify(timeline, Rules(criteria=criteria, mode=mode))
            second_answer = second_implementation.assess(timeline, criteria, mode)
            reasons[own_answer.reason.value] += 1
            answers = (
                own_answer.category, own_answer.reason, own_answer.deciding_sequence,
                own_answer.discordant,
            )  # fmt: skip
            if answers != second_answer[:4] or set(own_answer.cautions) != second_answer.cautions:
                differences.append((seed, mode.value))
    print(f"{lesions:,} lesions in both modes: {len(differences)} differ {differences[:5] or ''}")
    print(f"{len(reasons)} reasons: " + ", ".join(f"{k} {n}" for k, n in reasons.most_common()))
    if differences:
        sys.exit("The two statements of the rules differ.")


if __name__ == "__main__":
    main()

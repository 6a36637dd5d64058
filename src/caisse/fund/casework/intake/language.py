"""The language a mail is written in, told by its most common words; None rather than a guess."""

import re

_WORD = re.compile(r"[a-zäöüßàâçéèêëîïôûœ']+")
#: Words that are frequent in one of the languages and are no word of the others.
_WORDS = {
    "fr": "je vous nous le les des une est dans pour avec joint veuillez bonjour madame monsieur ma mon mes"
    " votre demande merci cordialement salutations et du sur pas que qui aux au",
    "de": "ich sie wir und der das ist nicht mit für anbei bitte guten tag sehr geehrte damen herren mein"
    " meine meinen ihre ihr antrag danke freundlichen grüßen zur zum auf den dem ein eine von",
    "en": "the and you my your please find attached dear sir madam hello is are with for of to application"
    " thank thanks regards kind sincerely i would have be this that",
}
_FREQUENT = {language: frozenset(words.split()) for language, words in _WORDS.items()}
_ENOUGH, _LEAD = 3, 1.5


def detect(text: str) -> str | None:
    """fr, de or en, when the words say so clearly; None for a text that is too short or in between."""
    words = _WORD.findall(text[:5_000].lower())
    counts = {language: sum(word in known for word in words) for language, known in _FREQUENT.items()}
    (best, most), (_second, next_most) = sorted(counts.items(), key=lambda one: -one[1])[:2]
    return best if most >= _ENOUGH and most >= _LEAD * next_most else None

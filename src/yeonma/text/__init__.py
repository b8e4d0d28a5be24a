"""Text to tokens with their characters: normalisation, tokenizers, alignment, and the cache of what was analysed."""

from yeonma.text.align import Aligned, TokenRange, spans_to_tokens, tokens_to_spans
from yeonma.text.cache import Analysed, analyse
from yeonma.text.morphemes import Kiwi, Mecab
from yeonma.text.normalize import Normalized, nfc
from yeonma.text.subword import BPE, Unigram, WordPiece
from yeonma.text.tokenizers import Jamo, Syllable, Tokenizer, Whitespace, load_tokenizer, make_tokenizer

__all__ = [
    "Aligned",
    "Analysed",
    "BPE",
    "Jamo",
    "Kiwi",
    "Mecab",
    "Normalized",
    "Syllable",
    "TokenRange",
    "Tokenizer",
    "Unigram",
    "Whitespace",
    "WordPiece",
    "analyse",
    "load_tokenizer",
    "make_tokenizer",
    "nfc",
    "spans_to_tokens",
    "tokens_to_spans",
]

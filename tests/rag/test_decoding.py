"""Text comes out as it was meant, whatever it was saved as; right text comes out as it went in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.decoding import decode

TEXTS = {
    "es": "La báscula se calibra cada doce meses, según el manual de Ángel Núñez. ¿Cuándo? ¡Mañana!",
    "en": "The scale’s “limit” is 600 kg – never more… café",
    "de": "Die Größe der Tür beträgt zwölf Fuß; für Äpfel übrig.",
    "fr": "L’été à Noël, où ça coûte très cher, naïveté",
    "pl": "Waga jest kalibrowana co dwanaście miesięcy, zgodnie z instrukcją. Zażółć gęślą jaźń",
    "tr": "Terazi her on iki ayda bir kalibre edilir. Şişli, İstanbul, ığdır çağrı",
    "ru": "Весы калибруются каждые двенадцать месяцев по инструкции.",
    "el": "Η ζυγαριά βαθμονομείται κάθε δώδεκα μήνες σύμφωνα με το εγχειρίδιο.",
    "ja": "秤は十二ヶ月ごとに校正されます。マニュアルを参照してください。",
    "names": "名前,年齢,住所\n佐藤太郎,30,東京\n三木英子,25,大阪\n",
    "zh": "秤每十二个月校准一次，请参阅手册。北京市朝阳区。",
    "ko": "저울은 열두 달마다 교정됩니다. 설명서를 참조하십시오.",
}
# fmt: off
SAVED = [
    ("es", "cp1252"), ("es", "mac_roman"), ("es", "cp850"), ("es", "utf-16-le"), ("es", "utf-16-be"), ("es", "utf-32"),
    ("en", "cp1252"), ("en", "mac_roman"), ("de", "cp1252"), ("de", "mac_roman"), ("de", "cp850"), ("fr", "cp1252"),
    ("fr", "mac_roman"), ("pl", "cp1250"), ("pl", "iso8859_2"), ("tr", "cp1254"), ("ru", "cp1251"), ("ru", "koi8-r"),
    ("ru", "utf-16-le"), ("ru", "utf-16-be"), ("el", "cp1253"), ("ja", "cp932"), ("ja", "euc_jp"), ("ja", "iso2022_jp"),
    ("ja", "utf-16-le"), ("ja", "utf-16-be"), ("names", "cp932"), ("names", "iso2022_jp"), ("names", "utf-16-le"),
    ("zh", "gb18030"), ("zh", "utf-16-le"), ("ko", "cp949"), ("ko", "utf-16-le"),
]
# fmt: on


@pytest.mark.parametrize(("language", "encoding"), SAVED)
def test_an_encoding_that_is_not_named_is_found(language: str, encoding: str) -> None:
    """One sentence is enough; so are six of them."""
    text = TEXTS[language]
    assert decode(text.encode(encoding)).text == text
    assert decode("\n".join([text] * 6).encode(encoding)).text == "\n".join([text] * 6)


def _garbled(text: str, wrongly: str) -> str | None:
    """None where the other encoding has no sign for some byte: such a text cannot have come about."""
    try:
        return text.encode().decode(wrongly)
    except UnicodeDecodeError:
        return None


GARBLED = [
    (language, wrongly)
    for language, text in TEXTS.items()
    for wrongly in ("cp1252", "latin-1", "mac_roman")
    if _garbled(text, wrongly) is not None
]


@pytest.mark.parametrize(("language", "wrongly"), GARBLED)
def test_garbled_text_is_turned_back_and_the_repair_recorded(language: str, wrongly: str) -> None:
    """UTF-8 that somebody read as another encoding and saved again."""
    text = TEXTS[language]
    garbled = _garbled(text, wrongly)
    assert garbled is not None
    found = decode(garbled.encode())
    assert found.text in (text, garbled)
    assert ("repaired" in found.note) == (found.text == text)
    # Mac Roman makes of Cyrillic what could as well be meant; all others are found.
    assert found.text == text or (language, wrongly) == ("ru", "mac_roman")


@pytest.mark.parametrize(
    "text",
    [
        *TEXTS.values(),
        "NÃO É PÃO, SÃO AÇÕES",
        "TRÈS GÂTÉ À NOËL ŒUVRE",
        "Tiếng Việt: Ủy ban nhân dân thành phố",
        "ÂGE – “x” … €5 ©2020 ®",
        "√2 ≈ 1,41 ∂x ∑ Ω",
        "Ölçü Ünitesi ÇAĞRI ŞÂH",
        "Ärzte für Übung – „Zitat“ ‚x‘",
        "It says Ã© on screen.\nIt should say é.\n¿Sí?",
    ],
)
def test_right_text_is_never_repaired(text: str) -> None:
    """Not even a page that shows what garbled text looks like."""
    assert decode(text.encode()) == decode(text.encode("utf-8"))
    assert decode(text.encode()).text == text
    assert decode(text.encode()).note == ""


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\x00\ufeff\x1b"), max_size=200))
def test_nothing_that_is_utf8_is_read_as_something_else(text: str) -> None:
    """Unless its note says that it was repaired."""
    found = decode(text.encode())
    assert found.text == text or "repaired" in found.note


@given(
    st.binary(max_size=300),
    st.sampled_from([None, "utf-8", "cp932", "utf-16", "base64", "nonsense", "a\0b", "utf-7"]),
)
def test_decoding_never_fails(data: bytes, declared: str | None) -> None:
    """Whatever the bytes are and whatever is said of them."""
    assert isinstance(decode(data, declared).text, str)


def test_a_file_put_together_from_several_encodings_is_read_line_by_line() -> None:
    """And the note says so."""
    data = "Ángel Núñez dice sí.\n".encode() * 3 + "José compró jamón en Logroño.\n".encode("cp1252")
    found = decode(data)
    assert found.text == "Ángel Núñez dice sí.\n" * 3 + "José compró jamón en Logroño.\n"
    assert (
        found.note == "It is written in several encodings; 1 lines were read as cp1252, the others as UTF-8."
    )


def test_one_accent_in_a_short_text_is_western() -> None:
    """Two bytes of a large Eastern encoding are one accent and the letter behind it."""
    assert [decode(word.encode("cp1252")).text for word in ("Año nuevo", "coração", "Maß", "déjà vu")] == [
        "Año nuevo",
        "coração",
        "Maß",
        "déjà vu",
    ]


def test_a_declared_encoding_is_believed_where_it_fits() -> None:
    """Latin-1 means Windows-1252, as browsers take it; UTF-8 that calls itself otherwise is UTF-8."""
    assert decode("“ñ”".encode("cp1252"), "iso-8859-1").text == "“ñ”"
    assert decode("“ñ”".encode(), "iso-8859-1").text == "“ñ”"
    assert decode("Ж".encode("koi8-r"), "koi8-r").text == "Ж"

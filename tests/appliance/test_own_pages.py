"""Where a sign-in may lead: the one rule against open redirects."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.services.single_sign_on.sign_on import own_page

HERE = "https://box.example/sign-in"


@pytest.mark.parametrize(
    "path",
    ["/", "/c/0198c5a0-0000-7000-8000-000000000000", "/documents", "/admin/people?page=2&q=a%20b", "/a/b/"],
)
def test_a_page_of_ours_is_where_one_ends(path: str) -> None:
    """With its query."""
    assert own_page(path) == path


@pytest.mark.parametrize(
    "path",
    [
        "//evil.example",
        "///evil.example",
        "https://evil.example/",
        "https:evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "/%2f/evil.example",
        "/c/..//evil.example",
        "/.//evil.example",
        "/a\r\nset-cookie: x=y",
        "javascript:alert(1)",
        "@evil.example",
        "/api/sessions",
        "/v1/models",
        "/sign-in?problem=x",
        "/" + "a" * 600,
        "",
        None,
    ],
)
def test_anything_else_is_the_first_page(path: str | None) -> None:
    """Other hosts in every disguise, control characters, our API, and the sign-in page itself."""
    assert own_page(path) == "/"


@given(st.text(alphabet="/\\.:@%?#&=- \tabAB0\u2044\uff0f", max_size=30))
def test_no_text_leads_to_another_host(path: str) -> None:
    """As a browser would read it from our address."""
    assert urlsplit(urljoin(HERE, own_page(path))).netloc == "box.example"

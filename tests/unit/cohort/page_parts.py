"""What a test asks of a page: its elements, links and headings."""

from html.parser import HTMLParser
from itertools import pairwise


class Page(HTMLParser):
    """Elements of a page, each with its attributes and the text within it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.html = html
        self.elements: list[tuple[str, dict[str, str | None], list[str]]] = []
        self._open: list[int] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs), []))
        if tag not in {"meta", "br"}:
            self._open.append(len(self.elements) - 1)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs), []))

    def handle_endtag(self, tag: str) -> None:
        assert self.elements[self._open.pop()][0] == tag

    def handle_data(self, data: str) -> None:
        for index in self._open:
            self.elements[index][2].append(data)

    def all(self, tag: str) -> list[tuple[dict[str, str | None], str]]:
        """Attributes and text of each element of a kind."""
        return [
            (attrs, " ".join("".join(text).split()))
            for name, attrs, text in self.elements
            if name == tag
        ]

    @property
    def ids(self) -> list[str]:
        return [attrs["id"] for _, attrs, _ in self.elements if attrs.get("id")]

    @property
    def links(self) -> list[tuple[str, str]]:
        """Text and target of each link."""
        return [(text, attrs["href"].removeprefix("#")) for attrs, text in self.all("a")]

    @property
    def heading_levels(self) -> list[int]:
        return [int(tag[1]) for tag, _, _ in self.elements if tag in {"h1", "h2", "h3", "h4"}]


def assert_sound(html: str) -> Page:
    """Hold a page against what every page keeps."""
    page = Page(html)
    assert not page._open, "every element is closed"
    assert len(page.ids) == len(set(page.ids)), "no two elements have one id"
    assert {target for _, target in page.links} <= set(page.ids), "every link leads somewhere"
    levels = page.heading_levels
    assert [n for n, level in enumerate(levels) if level == 1] == [0], "one heading, on top"
    assert all(b <= a + 1 for a, b in pairwise(levels)), "no level is skipped"
    assert all(attrs.get("scope") for attrs, _ in page.all("th")), "headers say what they head"
    assert all(attrs.get("aria-label") for attrs, _ in page.all("svg")), "figures have words"
    assert not page.all("script"), "no scripts"
    loads = {"src", "href", "xlink:href", "srcset", "action"}
    outside = [
        value
        for _, attrs, _ in page.elements
        for name, value in attrs.items()
        if name in loads and not (value or "").startswith(("#", "data:"))
    ]
    assert not outside, "nothing comes from outside"
    assert "@import" not in html
    assert "url(http" not in html
    return page

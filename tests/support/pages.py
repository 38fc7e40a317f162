"""Pages as a browser reads them."""

from __future__ import annotations

from html.parser import HTMLParser


class Page(HTMLParser):
    """What a browser makes of a page: elements with their attributes, and the text."""

    def __init__(self, text: str):
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def values(page: Page, name: str) -> list[str]:
    return [attributes[name] or "" for _, attributes in page.elements if name in attributes]

# SPDX-License-Identifier: BSD-2-Clause
"""An XML document as elements that know their lines, and the list of what is wrong with it."""

from dataclasses import dataclass, field
from xml.parsers import expat


class Mistakes(Exception):
    """What is wrong with a description: lines "FILE:LINE: TEXT", in the order of the file."""

    def __init__(self, lines):
        super().__init__("\n".join(lines))
        self.lines = lines


class Report:
    """Gathers mistakes, so that one run shows all of them."""

    def __init__(self, name):
        self.name = name
        self.found = []

    def add(self, line, text):
        self.found.append((line, text))

    def finish(self):
        if self.found:
            raise Mistakes([f"{self.name}:{line}: {text}" for line, text in
                            sorted(self.found, key=lambda mistake: mistake[0])])


@dataclass
class Element:
    name: str
    line: int
    attributes: dict
    children: list = field(default_factory=list)
    text: str = ""


def parse(text, report):
    """The document's root element. Raises Mistakes when it is not well-formed XML."""
    parser = expat.ParserCreate()
    root = Element("", 1, {})
    open_elements = [root]

    def start(name, attributes):
        element = Element(name, parser.CurrentLineNumber, dict(attributes))
        open_elements[-1].children.append(element)
        open_elements.append(element)

    def end(_):
        open_elements.pop()

    def characters(data):
        open_elements[-1].text += data

    def doctype(*_):
        report.add(parser.CurrentLineNumber, "a document type declaration has no place here")

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = characters
    parser.StartDoctypeDeclHandler = doctype
    try:
        parser.Parse(text, True)
    except expat.ExpatError as error:
        report.add(error.lineno, f"not well-formed: {expat.ErrorString(error.code)}")
        report.finish()
    report.finish()
    return root.children[0]

"""Croissant 1.1: what a dataset holds, field by field, beside the data with its hash."""

import json
import re
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar

from evalharness.exporters import Taken
from evalharness.exporters.lines import write_list
from evalharness.exporters.questions import file_name, table
from evalharness.model import Suite

CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "arrayShape": "cr:arrayShape",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "containedIn": "cr:containedIn",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isArray": "cr:isArray",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
MEANING = {
    "id": "The item's name, unique in this dataset.",
    "text": "The question.",
    "label": "The right answer.",
    "accept": "Other spellings that are right.",
    "context": "A sentence that holds the answer.",
    "category": "What the question is about.",
    "difficulty": "easy, medium or hard.",
    "tags": "All tags.",
    "lang": "The language, as a BCP 47 tag.",
    "sha256": "The hash of the item, by one of the two recipes of TQB++.",
    "prompt": "What is asked.",
    "expected": "The right answer.",
    "fields": "Everything else that is known of the task, as JSON.",
}


@dataclass(frozen=True)
class CroissantExporter:
    """A folder: `croissant.json`, and the data beside it. `license`, `url` and `creator` go into the metadata.

    The data is a JSON list: of JSON lines, mlcroissant takes a column of labels such as `007` for numbers.
    """

    takes: ClassVar[Taken] = "suite"
    license: str | None = None
    url: str | None = None
    creator: str | None = None

    def write(self, source: Suite, path: Path) -> None:
        """Write the data, then what describes it."""
        rows = table(source, format="Croissant")
        data = path / f"{file_name(source.name)}.json"
        write_list(data, rows)
        document = {**self._dataset(source), "distribution": [_file(data)], "recordSet": [_records(data.name, rows[0])]}
        text = json.dumps(document, ensure_ascii=False, indent=2)
        (path / "croissant.json").write_text(f"{text}\n", encoding="utf-8", newline="\n")

    def _dataset(self, suite: Suite) -> dict[str, Any]:
        said = {
            "license": self.license,
            "url": self.url,
            "creator": {"@type": "Organization", "name": self.creator} if self.creator else None,
            "version": _version(suite.version),
        }
        return {
            "@context": CONTEXT,
            "@type": "sc:Dataset",
            "conformsTo": "http://mlcommons.org/croissant/1.1",
            "name": file_name(suite.name),
            "description": f"{len(suite.tasks)} questions with short answers: the suite {suite.name}.",
            **{name: value for name, value in said.items() if value},
        }


def _version(said: str) -> str | None:
    """Complete a version to the MAJOR.MINOR.PATCH that the format wants; leave out what is none."""
    return f"{said}{'.0' * (2 - said.count('.'))}" if re.fullmatch(r"\d+(\.\d+){0,2}", said) else None


def _file(path: Path) -> dict[str, Any]:
    content = path.read_bytes()
    return {
        "@type": "cr:FileObject",
        "@id": path.name,
        "name": path.name,
        "contentUrl": path.name,
        "contentSize": f"{len(content)} B",
        "encodingFormat": "application/json",
        "sha256": sha256(content).hexdigest(),
    }


def _records(file: str, row: dict[str, Any]) -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": "items",
        "name": "items",
        "key": {"@id": "items/id"},
        "field": [_field(file, name, many=isinstance(value, list)) for name, value in row.items()],
    }


def _field(file: str, name: str, *, many: bool) -> dict[str, Any]:
    return {
        "@type": "cr:Field",
        "@id": f"items/{name}",
        "name": name,
        "description": MEANING[name],
        "dataType": "sc:Text",
        **({"isArray": True, "arrayShape": "-1"} if many else {}),
        "source": {"fileObject": {"@id": file}, "extract": {"jsonPath": f"$[*].{name}"}},
    }

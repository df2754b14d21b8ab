"""FHIR (R4, R4B, R5) in JSON: one DiagnosticReport, one report.

A resource alone, a Bundle, a list, or NDJSON as bulk exports have it. The text is the presented
form; where there is none, the narrative with the conclusion; where there is neither, the results
that are text. Nothing is fetched: a form that is but an address must lie in the same Bundle.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from chexdesk.reports.readers import base, documents, json_records, markup, parts
from chexdesk.reports.report import Origin, Report

#: A Bundle in a Bundle is read, but not without end.
_DEEPEST: Final = 4
_TYPE: Final = re.compile(rb'"resourceType"\s*:\s*"(DiagnosticReport|Bundle)"')
_ACCESSION: Final = "ACSN"
_WITHDRAWN: Final = frozenset(("entered-in-error", "cancelled"))
_NARRATIVE: Final = "generated"
#: Of one report in several forms the first of these is read.
_BEST_FORMS: Final = (
    "text/plain", "text/html", "application/xhtml+xml", "text/rtf", "application/rtf",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document", "application/pdf",
)  # fmt: skip

Resource = dict[str, Any]


def open_source(source: base.Source) -> base.Opened:
    """The resources of a file, read one by one.

    Raises:
        ReadError: while reports are taken: it is not JSON, or holds no DiagnosticReport.
    """
    return base.Opened(base.DEFAULT_ID_HEADER, _reports(source))


def _reports(source: base.Source) -> Iterator[Report]:
    first_line = source.head.lstrip().partition(b"\n")[0].rstrip()
    by_line = first_line.startswith(b"{") and first_line.endswith(b"}")
    records = json_records.lines(source) if by_line else json_records.values(source)
    number = 0
    for record in records:
        if record.error:
            number += 1
            error = f"{record.place}: {record.error}"
            yield base.report(str(number), "", f"{source.name}, {record.place}", error)
            continue
        for resource, others in _diagnostic_reports(_object(record.value), {}, 0):
            number += 1
            yield _report(source.name, resource, others, number)
    if not number:
        raise base.ReadError(
            source.name, "holds no FHIR DiagnosticReport. Give reports as JSON, Bundle or NDJSON."
        )


def _diagnostic_reports(
    resource: Resource, others: dict[str, Resource], depth: int
) -> Iterator[tuple[Resource, dict[str, Resource]]]:
    """The reports in a resource, each with what its references may name."""
    if resource.get("resourceType") == "DiagnosticReport":
        yield resource, others
    elif resource.get("resourceType") == "Bundle" and depth < _DEEPEST:
        entries = [_object(entry) for entry in _list(resource.get("entry"))]
        named = dict(others)
        for entry in entries:
            each = _object(entry.get("resource"))
            named[_text(entry.get("fullUrl"))] = each
            named[f"{_text(each.get('resourceType'))}/{_text(each.get('id'))}"] = each
        for entry in entries:
            yield from _diagnostic_reports(_object(entry.get("resource")), named, depth + 1)


def _report(name: str, resource: Resource, others: dict[str, Resource], number: int) -> Report:
    identifiers = [_object(each) for each in _list(resource.get("identifier"))]
    accession = next((_text(i.get("value")) for i in identifiers if _is_accession(i)), "")
    first = next((v for i in identifiers if (v := _text(i.get("value")))), "")
    own = _text(resource.get("id"))
    place = f"DiagnosticReport {own or number}"
    where = f"{name}, {place}" + (f", accession {accession}" if accession else "")
    subject = _object(resource.get("subject"))
    patient = _text(_object(subject.get("identifier")).get("value"))
    origin = Origin(
        own, accession, patient or _text(subject.get("reference")).rpartition("/")[2], ""
    )
    contained = {
        f"#{_text(each.get('id'))}": each for each in map(_object, _list(resource.get("contained")))
    }
    text = error = ""
    try:
        if resource.get("status") in _WITHDRAWN:
            raise base.ReadError(name, f"was withdrawn ({resource['status']}); leave it out.")
        text = _text_of(resource, others | contained, name)
    except base.ReadError as problem:
        error = f"{place}: {problem.message}"
    return base.report(accession or first or own or str(number), text, where, error, origin)


def _text_of(resource: Resource, others: dict[str, Resource], name: str) -> str:
    presented = _presented(resource, others, name)
    if presented.strip():
        return presented
    joined = parts.Joined()
    narrative = markup.plain_text(_text(_object(resource.get("text")).get("div")))
    conclusion = _text(resource.get("conclusion")).strip()
    if narrative:
        joined.add([narrative])
    if conclusion and " ".join(conclusion.split()) not in " ".join(narrative.split()):
        joined.add([conclusion], parts.part_of("19005-8"))
    if not narrative and not conclusion:
        for reference in map(_object, _list(resource.get("result"))):
            observation = others.get(_text(reference.get("reference")), {})
            code = _object(observation.get("code"))
            codings = [_object(each) for each in _list(code.get("coding"))]
            named = _text(code.get("text")) or next(
                (_text(c["display"]) for c in codings if "display" in c), ""
            )
            part = parts.part_of(*(_text(c.get("code")) for c in codings), name=named)
            joined.add([_text(observation.get("valueString"))], part)
    return joined.text()


def _presented(resource: Resource, others: dict[str, Resource], name: str) -> str:
    """The text of the presented form that is read best; of several of one kind, all."""
    forms: dict[str, list[tuple[str, str]]] = {}
    elsewhere = False
    for form in map(_object, _list(resource.get("presentedForm"))):
        media, data = _text(form.get("contentType")), _text(form.get("data"))
        if not data and "url" in form:
            binary = others.get(_text(form["url"]), {})
            media, data = media or _text(binary.get("contentType")), _text(binary.get("data"))
            elsewhere = elsewhere or not data
        if data:
            kind = media.partition(";")[0].strip().lower()
            forms.setdefault(kind, []).append((media, data))
    if not forms:
        if elsewhere and not resource.get("text") and not resource.get("conclusion"):
            raise base.ReadError(
                name, "holds but the address of its text, and nothing is fetched. Embed the text."
            )
        return ""
    best = next((kind for kind in _BEST_FORMS if kind in forms), next(iter(forms)))
    return "\n".join(
        documents.text_of(documents.from_base64(data, name), media, name)
        for media, data in forms[best]
    )


def _is_accession(identifier: Resource) -> bool:
    codings = _list(_object(identifier.get("type")).get("coding"))
    return any(_object(coding).get("code") == _ACCESSION for coding in codings)


def _object(value: Any) -> Resource:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _claims(source: base.Source) -> bool:
    start = source.head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    return start in (b"{", b"[") and _TYPE.search(source.head) is not None


READER: Final = base.Reader("fhir", (".fhir", ".json", ".ndjson"), open_source, _claims)

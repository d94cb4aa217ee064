"""A judgement as a badge: a small SVG that needs nothing else, for a README."""

from __future__ import annotations

from html import escape

from orharness.verdict import Judgement, Result

_GOOD, _BAD, _NONE = "#2da44e", "#cf222e", "#6e7781"
_WIDTH = 6.6  # pixels of a character at 11 px, on average
_PADDING = 12


def as_badge(judgement: Judgement) -> str:
    """Return the badge: on its left ``SSE contract``, on its right how many of the judged cases hold."""
    failed = sum(verdict.counts for verdict in judgement.verdicts)
    judged = len(judgement.verdicts) - judgement.number(Result.NOT_APPLICABLE)
    name = "SSE contract" if judgement.profile is None else f"SSE contract {judgement.profile}"
    said = f"{judged - failed:,} of {judged:,}" if judged else "not judged"
    if judgement.unjudged:
        said += f", {judgement.unjudged:,} not judged"
    color = _BAD if failed else _NONE if judgement.unjudged or not judged else _GOOD
    left, right = (round(len(text) * _WIDTH) + _PADDING for text in (name, said))
    title = escape(f"{name}: {said}", quote=True)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="20" role="img" aria-label="{title}">'
        f"<title>{title}</title>"
        f'<clipPath id="r"><rect width="{left + right}" height="20" rx="3"/></clipPath><g clip-path="url(#r)">'
        f'<rect width="{left}" height="20" fill="#444d56"/>'
        f'<rect x="{left}" width="{right}" height="20" fill="{color}"/></g>'
        '<g fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">'
        f'<text x="{left / 2:g}" y="14">{escape(name)}</text>'
        f'<text x="{left + right / 2:g}" y="14">{escape(said)}</text></g></svg>\n'
    )

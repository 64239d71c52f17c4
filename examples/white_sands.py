"""Two real radars and one sounding rocket: the range's recordings to Skypact's files.

    python examples/white_sands.py FOLDER OUT
    skypact track OUT/plots.csv --radars OUT/radars.toml

FOLDER holds the two recordings of NASA 36.353 (White Sands, 2021-09-09, 17:25:00 UT, apogee 294 km)
as rocket-eve/nasa36389flight publishes them; OUT gets `plots.csv` and `radars.toml`.

**Sites.** The files do not name them; they follow from the ranges, azimuths and elevations against
the positions given beside them, to under 1.6 m. Heights there are above mean sea level; the geoid
lies 22 m below the ellipsoid, so 22 m are taken off.

**Accuracies.** None are given: they are derived from how far the two radars disagree. Between T+60
and T+480 s, wherever both have data, the other radar's position turned into a radar's own
coordinates differs from what it measured by

| radar | range m: mean, scatter | azimuth mrad | elevation mrad |
| --- | --- | --- | --- |
| A | -16, 3 | -0.8, 1.6 | 1.05, 0.57 |
| B | -91, 46 | -4.4, 3.7 | 0.72, 0.28 |

in all 16 to 796 m apart. Each radar is given an equal part, 1/√2, of the mean as an unknown offset
(`…_bias_sigma`) and of the scatter as an error that stays alike for 6 s. How long it does can be
measured in two ways: the correlation of the differences falls by e in 11 to 36 s (median 14 s),
that of each radar's own departures from a free flight fitted to its plots of T+90 to T+150 s in 1
to 9 s (median 2.5 s); 6 s is their geometric mean. (Radar B's forecast for T+470 s is 441, 475 and
503 m off radar A with 2.5, 6 and 10 s.) B's azimuth is the less certain because it looks almost
straight up. Its range difference is A's elevation error seen from B, so A's range figures are taken
for both. From plot to plot both are far smoother (0.3 m, 0.02 mrad): the range has filtered them,
and taking that for their accuracy would be wrong by a hundredfold.
"""

import gzip
import math
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import skypact

LAUNCH_NS = 1_631_208_300_000_000_000
"""2021-09-09T17:25:00Z."""
RECORDING_A = "Woods_36-353_Radar.dat.gz"
RECORDING_B = "Radar_WOODS_36.353_PAYLOAD_09092021.dat.gz"
GEOID_M = -22.0
PERIOD_S = 0.05

RADAR_A = skypact.Radar(
    id="WSMR-A",
    nation="USA",
    latitude_rad=math.radians(33.31732),
    longitude_rad=math.radians(-106.11517),
    height_m=1361.0 + GEOID_M,
    range_sigma_m=3.0,
    azimuth_sigma_rad=math.radians(0.065),
    elevation_sigma_rad=math.radians(0.025),
    range_bias_sigma_m=12.0,
    azimuth_bias_sigma_rad=math.radians(0.035),
    elevation_bias_sigma_rad=math.radians(0.045),
    correlation_time_s=6.0,
    period_s=PERIOD_S,
)
RADAR_B = skypact.Radar(
    id="WSMR-B",
    nation="USA",
    latitude_rad=math.radians(32.35796),
    longitude_rad=math.radians(-106.36829),
    height_m=1236.0 + GEOID_M,
    range_sigma_m=3.0,
    azimuth_sigma_rad=math.radians(0.15),
    elevation_sigma_rad=math.radians(0.012),
    range_bias_sigma_m=12.0,
    azimuth_bias_sigma_rad=math.radians(0.18),
    elevation_bias_sigma_rad=math.radians(0.03),
    correlation_time_s=6.0,
    period_s=PERIOD_S,
)
_WHERE_FROM = """\
# Two radars of White Sands Missile Range; sites solved from the recordings, heights above the
# ellipsoid (mean sea level less 22 m). Accuracies: derived from how far the two disagree (16 to
# 796 m): 1/sqrt(2) of the mean difference in each coordinate as an unknown offset (bias), of its
# scatter as an error that stays alike for 6 s. See examples/white_sands.py.

"""


def convert(folder: Path, out: Path) -> int:
    """Write `radars.toml` and `plots.csv` into `out`; returns the number of plots."""
    radars = (RADAR_A, RADAR_B)
    polar = (_radar_a(folder / RECORDING_A), _radar_b(folder / RECORDING_B))
    parts = [_plots(number, rows) for number, rows in enumerate(polar)]
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    order = np.lexsort((columns[1], columns[0]))
    plots = skypact.Plots._make(column[order] for column in columns)
    out.mkdir(parents=True, exist_ok=True)
    skypact.write_plots(out / "plots.csv", plots, radars)
    skypact.save_radars(out / "radars.toml", radars)
    written = (out / "radars.toml").read_text("utf-8")
    (out / "radars.toml").write_text(_WHERE_FROM + written, "utf-8")
    return len(order)


def _radar_a(path: Path) -> NDArray[np.float64]:
    """(n, 4) s after launch, m, rad, rad, from milliseconds, centimetres and 1e-7 rad."""
    rows = np.array(list(_numbers(path, 10)))[:, [0, 4, 5, 6]]
    return rows * np.array([1e-3, 1e-2, 1e-7, 1e-7])


def _radar_b(path: Path) -> NDArray[np.float64]:
    """(n, 4) s after launch, m, rad, rad, from seconds, metres and degrees."""
    rows = np.array(list(_numbers(path, 21)))[:, 1:5]
    return rows * np.array([1.0, 1.0, math.pi / 180.0, math.pi / 180.0])


def _numbers(path: Path, columns: int) -> Iterator[list[float]]:
    """The rows of a recording; its headings have other words than numbers."""
    with gzip.open(path, "rt", errors="replace") as lines:
        for line in lines:
            words = line.split()
            try:
                row = [float(word) for word in words]
            except ValueError:
                continue
            if len(row) == columns:
                yield row


def _plots(radar: int, polar: NDArray[np.float64]) -> skypact.Plots:
    """Rows after the launch as plots; each is a look of its own."""
    seconds, range_m, azimuth_rad, elevation_rad = polar[polar[:, 0] > 0.0].T
    count = len(seconds)
    unknown = np.full(count, np.nan)
    return skypact.Plots(
        time_ns=LAUNCH_NS + np.rint(seconds * 1000.0).astype(np.int64) * 1_000_000,
        radar=np.full(count, radar, np.int32),
        range_m=range_m,
        azimuth_rad=np.mod(azimuth_rad, 2.0 * math.pi),
        elevation_rad=elevation_rad,
        range_rate_m_s=unknown,
        snr_db=unknown,
        scan=np.arange(count, dtype=np.int64),
    )


def main() -> None:
    """Convert, and say what to do next."""
    if len(sys.argv) != 3:
        sys.exit("usage: python examples/white_sands.py FOLDER OUT")
    folder, out = Path(sys.argv[1]), Path(sys.argv[2])
    for name in (RECORDING_A, RECORDING_B):
        if not (folder / name).is_file():
            sys.exit(f"{folder / name}: there is no such file; name the folder of the recordings")
    count = convert(folder, out)
    print(f"{count:,} plots of two radars; now: skypact track {out}/plots.csv", end=" ")
    print(f"--radars {out}/radars.toml")


if __name__ == "__main__":
    main()

/** Made-up tracks and flights for the page's unit tests. */
import type { Flight, Path, Place, Track } from "../src/api/contract";

export const NOON_MS = Date.UTC(2026, 10, 22, 12);

export function madeTrack(id: number, change: Partial<Track> = {}): Track {
  return {
    id, status: "confirmed", phase: "coast", time_ms: NOON_MS,
    latitude_deg: 38, longitude_deg: 132, height_m: 200_000,
    east_m_s: 3_000, north_m_s: 0, up_m_s: 0,
    covariance_m2: [100, 0, 0, 100, 0, 100], velocity_sigma_m_s: 1,
    last_plot_ms: NOON_MS, plots: 50, sources: 2, ...change,
  };
}

export function madePath(count: number): Path {
  const times = Array.from({ length: count }, (_, i) => i);
  return {
    time_ms: times.map((i) => NOON_MS + 1_000 * i),
    latitude_deg: times.map(() => 38),
    longitude_deg: times.map((i) => 130 + i / 100),
    height_m: times.map((i) => 1_000 * i),
    speed_m_s: times.map(() => 3_000),
  };
}

export function madePlace(time_ms: number, change: Partial<Place> = {}): Place {
  return {
    time_ms, from_ms: time_ms - 30_000, until_ms: time_ms + 60_000, latitude_deg: 40, longitude_deg: 140,
    ellipse_95: { semi_major_m: 5_000, semi_minor_m: 1_000, azimuth_deg: 90 }, area: null, ...change,
  };
}

export function madeFlight(id: number, change: Partial<Flight> = {}): Flight {
  return {
    id, shared_id: id, as_of_ms: NOON_MS, status: "confirmed", ended_because: null, urgency: 2, kind: "ballistic", kind_probability: 1,
    kind_probabilities: { ballistic: 1 }, range_class: "mrbm", range_class_probability: 1, parted_from: null,
    first_plot_ms: NOON_MS - 60_000, last_plot_ms: NOON_MS, last_seen_by: "JP-Sado", plots: 50, nations: ["JPN"], sources: [],
    seen_now_by: ["JPN"], independent_radars: 1, launch: null, apogee: null, impact: madePlace(NOON_MS + 300_000),
    bodies: [], ground_range_m: null, path_flown: null, path_expected: madePath(3), assessments: [], acknowledged: [], comments: 0, ...change,
  };
}

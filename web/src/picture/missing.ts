/** What one picture has and another has not: what would be missing without the partners. */
import type { Track } from "../api/contract";
import { spread_m } from "./uncertainty";

const EARTH_RADIUS_M = 6_371_000;
/** Two tracks this far apart are not the same object, however uncertain they are. */
const GREATEST_APART_M = 60_000;
/** Two tracks this near are the same object where nothing else is nearer. */
const ALIKE_M = 3_000;
const SIGMAS = 5;

/** Metres between two tracks, both carried to the later one's time by their velocities. */
export function apart_m(a: Track, b: Track): number {
  const time_ms = Math.max(a.time_ms, b.time_ms);
  const [ax, ay, az] = carried(a, time_ms);
  const [bx, by, bz] = carried(b, time_ms);
  return Math.hypot(ax - bx, ay - by, az - bz);
}

function carried(track: Track, time_ms: number): [number, number, number] {
  const seconds = (time_ms - track.time_ms) / 1_000;
  const latitude = (track.latitude_deg * Math.PI) / 180;
  const longitude = (track.longitude_deg * Math.PI) / 180;
  const radius = EARTH_RADIUS_M + track.height_m;
  const [sinLat, cosLat] = [Math.sin(latitude), Math.cos(latitude)];
  const [sinLon, cosLon] = [Math.sin(longitude), Math.cos(longitude)];
  const east = track.east_m_s * seconds;
  const north = track.north_m_s * seconds;
  const up = radius + track.up_m_s * seconds;
  return [
    cosLat * cosLon * up - sinLon * east - sinLat * cosLon * north,
    cosLat * sinLon * up + cosLon * east - sinLat * sinLon * north,
    sinLat * up + cosLat * north,
  ];
}

/**
 * Tracks of `whole` that `part` has no counterpart of. `known`: by track of `part` its counterpart,
 * as the node tells it of flights. Of the others nearest pairs first; each track is the counterpart
 * of one at most. Ended tracks count on neither side.
 */
export function missing(whole: Iterable<Track>, part: Iterable<Track>, known: ReadonlyMap<number, number> = new Map()): Set<number> {
  const wanted = [...whole].filter((track) => track.status === "confirmed");
  const had = [...part].filter((track) => track.status === "confirmed");
  const pairs: [number, Track, Track][] = [];
  for (const a of wanted) {
    for (const b of had) {
      if (Math.abs(a.latitude_deg - b.latitude_deg) > 2) continue;
      const apart = apart_m(a, b);
      const unsure = SIGMAS * Math.hypot(spread_m(a), spread_m(b));
      if (apart <= Math.min(GREATEST_APART_M, Math.max(ALIKE_M, unsure))) pairs.push([apart, a, b]);
    }
  }
  pairs.sort((one, other) => one[0] - other[0] || one[1].id - other[1].id);
  const found = new Set(known.values());
  const used = new Set(known.keys());
  for (const [, a, b] of pairs) {
    if (found.has(a.id) || used.has(b.id)) continue;
    found.add(a.id);
    used.add(b.id);
  }
  return new Set(wanted.filter((track) => !found.has(track.id)).map((track) => track.id));
}

/** A path that was followed, told apart where nobody saw it any more: from there on it is foretold. */
import type { Flight, Path, Track } from "../api/contract";

/** So long after its last plot a path still counts as seen: a look or two may miss. */
export const SEEN_FOR_MS = 10_000;

/** What of a flight's path was seen, and where its track went on by itself, from the last place seen. */
export function seenAndNot(flight: Flight, track: Track | undefined): [seen: Path, unseen: Path] | null {
  const path = flight.path_flown;
  if (!path) return null;
  const lastPlot_ms = Math.max(flight.last_plot_ms, track?.last_plot_ms ?? 0);
  const after = path.time_ms.findIndex((time_ms) => time_ms > lastPlot_ms + SEEN_FOR_MS);
  if (after < 0) return [path, part(path, path.time_ms.length)];
  return [part(path, 0, after), part(path, Math.max(0, after - 1))];
}

/** The last place of a path when somebody still saw it, and when that was; undefined: none is known. */
export function lastSeen({ path_flown: path, last_plot_ms }: Flight, track: Track | undefined): Record<keyof Path, number> | undefined {
  const lastPlot_ms = Math.max(last_plot_ms, track?.last_plot_ms ?? 0);
  const at = (path?.time_ms.filter((time_ms) => time_ms <= lastPlot_ms).length ?? 0) - 1;
  if (!path || at < 0) return undefined;
  return {
    time_ms: path.time_ms[at]!,
    latitude_deg: path.latitude_deg[at]!,
    longitude_deg: path.longitude_deg[at]!,
    height_m: path.height_m[at]!,
    speed_m_s: path.speed_m_s[at]!,
  };
}

function part(path: Path, from: number, until?: number): Path {
  return {
    time_ms: path.time_ms.slice(from, until),
    latitude_deg: path.latitude_deg.slice(from, until),
    longitude_deg: path.longitude_deg.slice(from, until),
    height_m: path.height_m.slice(from, until),
    speed_m_s: path.speed_m_s.slice(from, until),
  };
}

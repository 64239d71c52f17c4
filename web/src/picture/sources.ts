/** Who sees a flight: radars by name, and those of partners that tell no name. */
import type { Radar, Source } from "../api/contract";

/** Partners tell a radar by an opaque label: its beginning tells theirs apart. */
const LABEL = /^[0-9a-f]{16}$/;
const LABEL_LETTERS = 4;

/** Whether its nation hides what the radar is called. */
export function isHidden(radar: string): boolean {
  return LABEL.test(radar);
}

/** Its name, or the beginning of what stands for one. */
export function radarName(radar: string): string {
  return isHidden(radar) ? `#${radar.slice(0, LABEL_LETTERS)}` : radar;
}

/** The radars that a picture is made of: own ones, a partner's, or all. */
export function radarsOf(picture: string, radars: readonly Radar[]): readonly Radar[] {
  if (picture === "national") return radars.filter(({ own }) => own);
  return picture.startsWith("from:") ? radars.filter(({ nation }) => picture === `from:${nation}`) : radars;
}

/** Own radars first, then by nation and name: rows keep their places while who sees it changes. */
export function bySource(sources: readonly Source[]): Source[] {
  return [...sources].sort((a, b) => Number(b.own) - Number(a.own) || a.nation.localeCompare(b.nation) || a.radar.localeCompare(b.radar));
}

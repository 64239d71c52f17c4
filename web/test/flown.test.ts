import { describe, expect, it } from "vitest";
import { lastSeen, seenAndNot, SEEN_FOR_MS } from "../src/picture/flown";
import { madeFlight, madeTrack, NOON_MS } from "./made";

const pathOf = (...seconds: number[]) => {
  const of = (value: number) => seconds.map((s) => value + s);
  return { time_ms: seconds.map((s) => NOON_MS + s * 1_000), latitude_deg: of(40), longitude_deg: of(130), height_m: of(0), speed_m_s: of(0) };
};

describe("a path that was followed", () => {
  const flight = madeFlight(1, { path_flown: pathOf(0, 5, 10, 15, 20), last_plot_ms: NOON_MS });

  it("was seen until so long after the last plot; what follows begins where that ended", () => {
    const [seen, unseen] = seenAndNot(flight, undefined)!;
    expect(SEEN_FOR_MS).toBe(10_000);
    expect(seen.height_m).toEqual([0, 5, 10]);
    expect(unseen.height_m).toEqual([10, 15, 20]);
    expect(unseen.time_ms[0]).toBe(seen.time_ms.at(-1));
  });

  it("was all seen where its track has a plot since, though the flight was assessed before", () => {
    const [seen, unseen] = seenAndNot(flight, madeTrack(1, { last_plot_ms: NOON_MS + 15_000 }))!;
    expect(seen).toBe(flight.path_flown);
    expect(unseen.time_ms).toEqual([]);
  });

  it("was last seen at its last plot, and not where its track went on by itself", () => {
    expect(lastSeen(flight, undefined)?.height_m).toBe(0);
    expect(lastSeen(flight, madeTrack(1, { last_plot_ms: NOON_MS + 12_000 }))).toMatchObject({ height_m: 10, time_ms: NOON_MS + 10_000 });
    expect(lastSeen(madeFlight(1, { path_flown: pathOf(5) }), undefined)).toBeUndefined();
    expect(lastSeen(madeFlight(1, { path_flown: null }), undefined)).toBeUndefined();
  });

  it("is not there yet", () => {
    expect(seenAndNot(madeFlight(1, { path_flown: null }), undefined)).toBeNull();
  });
});

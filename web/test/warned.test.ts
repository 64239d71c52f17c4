import { describe, expect, it } from "vitest";
import type { Danger, StandingAlert, WarnedArea } from "../src/api/contract";
import { chance, inLanguage, soonest, span, standingOf, waiting } from "../src/picture/warned";

const area = (falls: number | null, passes: number | null, danger: Danger = "fall", first_ms: number | null = null): WarnedArea => ({
  id: "a", names: {}, danger, falls, passes, first_ms, last_ms: first_ms && first_ms + 60_000, area: { type: "MultiPolygon", coordinates: [] },
});

describe("a warned area", () => {
  it("is as likely as what it is told of, never as what it is not", () => {
    expect(chance(area(0.2, 0.7))).toBe(0.2);
    expect(chance(area(0.2, 0.7, "neighbour"))).toBe(0.2);
    expect(chance(area(0.2, 0.7, "pass"))).toBe(0.7);
    expect(chance(area(null, null))).toBe(0);
  });

  it("says between which times, where they are known", () => {
    expect(span(area(0.2, 0.7, "pass", Date.UTC(2022, 9, 3, 22, 27)))).toBe("22:27:00Z – 22:28:00Z");
    expect(span(area(0.2, 0.7))).toBe("");
  });

  it("is called by its name in the language spoken, or in English, or in whatever there is", () => {
    expect(inLanguage("ja", { en: "Aomori", ja: "青森県" })).toBe("青森県");
    expect(inLanguage("ko", { ja: "青森県", en: "Aomori" })).toBe("Aomori");
    expect(inLanguage("ko", { ja: "青森県" })).toBe("青森県");
    expect(inLanguage("ko", {})).toBeUndefined();
  });
});

describe("alerts of the node", () => {
  const alert = (event: number, warning: string | null, ...times: (number | null)[]): StandingAlert => ({
    event, warning, flights: [event], released_by: [], persons: 2, withheld: false,
    areas: times.map((first_ms, i) => ({ id: String(i), names: {}, danger: "fall", falls: 0.5, passes: 0, first_ms, last_ms: first_ms })),
  });

  it("wait for persons while nothing was said of them; what was said is known by its first message", () => {
    const both = [alert(1, null), alert(2, "JPN-2-1")];
    expect(waiting(both).map(({ event }) => event)).toEqual([1]);
    expect(standingOf(both, { event: "JPN-2-1" })?.event).toBe(2);
    expect(standingOf(both, { event: "JPN-3-1" })).toBeUndefined();
  });

  it("begin with the soonest danger of any area, if one is known", () => {
    expect(soonest(alert(1, null, 300, null, 200))).toBe(200);
    expect(soonest(alert(1, null, null))).toBeNull();
  });
});

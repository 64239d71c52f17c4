import { describe, expect, it } from "vitest";
import type { Radar } from "../src/api/contract";
import { bySource, isHidden, radarName, radarsOf } from "../src/picture/sources";

const source = (nation: string, radar: string, own: boolean, last_ms: number) =>
  ({ nation, radar, own, plots: 1, first_ms: null, last_ms, sees_now: false });

describe("the radars of a picture", () => {
  it("are own ones, a partner's, or all", () => {
    const all = [{ id: "a", nation: "JPN", own: true }, { id: "b", nation: "KOR", own: false }, { id: "c", nation: "USA", own: false }] as Radar[];
    const ids = (picture: string) => radarsOf(picture, all).map(({ id }) => id).join("");
    expect([ids("national"), ids("shared"), ids("from:KOR"), ids("from:AUS")]).toEqual(["a", "abc", "b", ""]);
  });
});

describe("who sees a flight", () => {
  it("is listed own radars first, then by nation and name, whoever saw it last", () => {
    const sources = [source("USA", "b", false, 9), source("KOR", "z", false, 8), source("USA", "a", false, 1), source("JPN", "m", true, 0)];
    expect(bySource(sources).map(({ radar }) => radar)).toEqual(["m", "z", "a", "b"]);
  });

  it("is told apart by the beginning of a label where a partner hides its radar's name", () => {
    expect(radarName("da1a0123456789ab")).toBe("#da1a");
    expect([isHidden("da1a0123456789ab"), isHidden("JP-Sado"), isHidden("da1a")]).toEqual([true, false, false]);
  });
});

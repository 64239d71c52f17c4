import { describe, expect, it } from "vitest";
import { apart_m, missing } from "../src/picture/missing";
import { madeTrack, NOON_MS } from "./made";

describe("what would be missing", () => {
  it("is what has no counterpart near enough", () => {
    const whole = [madeTrack(1), madeTrack(2, { latitude_deg: 40 })];
    const part = [madeTrack(9, { latitude_deg: 38.001 })];
    expect([...missing(whole, part)]).toEqual([2]);
    expect(missing(whole, whole).size).toBe(0);
    expect([...missing(whole, [])]).toEqual([1, 2]);
  });

  it("gives a counterpart to one alone: two near each other are two", () => {
    const whole = [madeTrack(1), madeTrack(2, { latitude_deg: 38.01 })];
    const part = [madeTrack(9, { latitude_deg: 38.009 })];
    expect([...missing(whole, part)]).toEqual([1]);
  });

  it("carries both to one time, so that 20 s of a fast flight are no difference", () => {
    const late = madeTrack(1, { time_ms: NOON_MS + 20_000, longitude_deg: 132 + degreesEast(20 * 3_000, 38, 200_000) });
    expect(apart_m(late, madeTrack(9))).toBeLessThan(1_000);
    expect(missing([late], [madeTrack(9)]).size).toBe(0);
  });

  it("allows for what is uncertain, but not without end", () => {
    const unsure = [8e7, 0, 0, 8e7, 0, 8e7];
    const north = madeTrack(9, { latitude_deg: 38.2, covariance_m2: unsure });
    expect(missing([madeTrack(1)], [north]).size).toBe(0);
    expect(missing([madeTrack(1)], [{ ...north, latitude_deg: 39 }]).size).toBe(1);
  });

  it("goes by what the node knows to be one, before any distance", () => {
    const [near, far] = [madeTrack(1), madeTrack(2, { latitude_deg: 38.02 })];
    expect([...missing([near, far], [madeTrack(9)])]).toEqual([2]);
    expect([...missing([near, far], [madeTrack(9)], new Map([[9, 2]]))]).toEqual([1]);
  });

  it("counts no track that ended", () => {
    expect(missing([madeTrack(1, { status: "ended" })], []).size).toBe(0);
    expect(missing([madeTrack(1)], [madeTrack(9, { status: "ended" })]).size).toBe(1);
  });
});

/** Degrees of longitude of a way to the east on the sphere. */
function degreesEast(way_m: number, latitude_deg: number, height_m: number): number {
  const radius = (6_371_000 + height_m) * Math.cos((latitude_deg * Math.PI) / 180);
  return ((way_m / radius) * 180) / Math.PI;
}

import { describe, expect, it } from "vitest";
import type { Differences, NationAssessment } from "../src/api/contract";
import { closerLaunch } from "../src/picture/stated";
import { madePlace, NOON_MS } from "./made";

const place = (semi_major_m: number) => madePlace(NOON_MS, { ellipse_95: { semi_major_m, semi_minor_m: 1_000, azimuth_deg: 0 } });
const said = (nation: string, own: boolean, semi_major_m: number | null): NationAssessment => ({
  nation, own, flight: 1, as_of_ms: NOON_MS, kind: "ballistic", kind_probability: 1, range_class: null,
  launch: semi_major_m === null ? null : place(semi_major_m), apogee: null, impact: null, differences: {} as Differences,
});

describe("a launch that a partner states closer", () => {
  it("is the closest of partners', and none where ours is closer", () => {
    const assessments = [said("JPN", true, 10), said("KOR", false, 2_000), said("USA", false, 900), said("AUS", false, null)];
    expect(closerLaunch({ launch: place(5_000), assessments })).toEqual({ nation: "USA", launch: place(900) });
    expect(closerLaunch({ launch: place(900), assessments })).toBeUndefined();
    expect(closerLaunch({ launch: null, assessments })).toBeUndefined();
  });
});
